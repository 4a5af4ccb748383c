"""The whole stack on one machine: the real template, deployed to an emulator of AWS, its mail caught on the way out.

Read `install` and `environments` (two of them, from nothing), `preflight` and `index` (what would stop it), `place`
(where everything is), `emulator`, `deploy`, then `stack`, which is `make run`, and `story`, which it plays.
`postoffice` stands in for SES; `operate` is what one does by hand, in any deployment.
"""
