"""What servers say they offer: read, named, compared with what was approved. Pure; approves nothing itself."""
