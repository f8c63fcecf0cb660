"""Processes that open untrusted files: what they may do, how they are spoken to, and why they ended.

limits         a narrow view of the machine, and bounds that a child sets for itself
landlock       the files that it may touch, by rules of the kernel that need no other program
seccomp        the system calls that it gives up
exit_causes    whose fault it is that a child gave no answer
one_task       a child that does one thing and says so in JSON
wire           messages to a child that answers many requests
slide_children one process for each slide of such a child
decoder_child  such a child: the decoder of `slides.wsi.decoder`
"""
