"""Who calls, what they may do, and how often: principals, access keys, rights, signatures, throttling."""
