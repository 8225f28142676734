# Writes gsm0338.json: the characters that Perl's own codec of the GSM 03.38 alphabet encodes in one and in two septets.
# Run: perl generate_gsm0338.pl > gsm0338.json
use strict;
use warnings;
use Encode;

my %found = (1 => [], 2 => []);
for my $code (1 .. 0xD7FF, 0xE000 .. 0xFFFF) {
    my $char  = chr($code);
    my $octet = eval { Encode::encode("gsm0338", $char, Encode::FB_CROAK) };
    push @{ $found{ length $octet } }, $code if defined $octet && exists $found{ length $octet };
}
my ($one, $two) = map { join ", ", @{ $found{$_} } } 1, 2;
print <<"END";
{
 "inputs": {"characters": "U+0001 to U+FFFF"},
 "expected": {"one_septet": [$one], "two_septets": [$two]},
 "rtol": 0, "atol": 0,
 "source": {"package": "Encode", "version": "$Encode::VERSION", "function": "Encode::encode('gsm0338')", "date": "2026-11-22"}
}
END
