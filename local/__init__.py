"""The tools behind `make`: the whole stack on one machine, and commands for any deployment.

- ``install`` and ``environments``: create the virtual environments; ``preflight`` and ``index``: check the machine and
  the package index before; ``duration``: how long things take
- ``stack`` (`make run`): deploys template.yaml to an emulator of AWS; ``place`` has its folder and ports, ``emulator``,
  ``deploy`` and ``routes`` its parts, ``processes`` the programs; ``story`` is the sample event that it runs
- ``postoffice``: stands in for SES and shows an inbox; ``mailbag``: reads the mails that it accepted; ``tellings``:
  reads how far changes have been told, for the inbox
- ``operate``: an operator's commands, such as `make key`; ``command``: what they have in common
"""
