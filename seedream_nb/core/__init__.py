"""What every other room uses: errors, the data model, and small helpers. No I/O except writing whole files."""
