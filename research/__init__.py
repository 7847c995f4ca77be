"""How the embedded model was made and how the pack is measured; never imported by the nodes, not published."""
