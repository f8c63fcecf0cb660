"""The processes that `make run` starts: database, web server, worker; what must hold before, and how they stop."""
