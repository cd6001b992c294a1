"""The parts of `inbound`, by subject: what is said, who comes and goes, what is ruled."""
