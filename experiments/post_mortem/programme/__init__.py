"""The page of a programme: several post-mortems added up."""
