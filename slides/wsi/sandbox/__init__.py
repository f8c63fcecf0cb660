"""Processes that open untrusted files: what they may do, how they are spoken to, and why they ended.

limits         a narrow view of the machine, and bounds that a child sets for itself
seccomp        the system calls that it gives up
exit_causes    whose fault it is that a child gave no answer
one_task       a child that does one thing and says so in JSON
wire           messages to a child that answers many requests
decoder_child  such a child: the decoder of `slides.wsi.decoder`
"""
