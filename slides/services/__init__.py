"""What changes cases, slides, uploads and regions. Each function here is one transaction and writes its audit line."""
