"""IRC lines beside what they mean. `in/`: lines as a server sends them → events; `out/`: a delivery → the lines we send.

A new case is a new pair of files, `<case>.irc` and `<case>.event.json`; one named `loss_…` shows what cannot survive.
In `.irc` files `\\xNN` is that byte, `#` at the start of a line a comment, and `! ` the words of a refusal.
"""
