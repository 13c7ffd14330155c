"""What ``vrs`` can do, a file for each command.

A command imports what it needs when it is called: the help stays quick, and a service's process holds only what the
service uses.
"""
