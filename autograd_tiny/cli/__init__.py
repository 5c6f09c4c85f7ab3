"""The command `autograd-tiny`."""
