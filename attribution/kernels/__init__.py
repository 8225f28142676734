"""Arrays in, arrays out: the work over rows, in blocks and on threads; nothing here knows a table or a rule."""
