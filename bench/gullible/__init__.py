"""An agent that obeys everything it reads, played through a real server. There is no model in it, and no judgement."""
