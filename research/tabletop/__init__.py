"""World 2: pictures one would show, edits with one true end, and edits with many valid ends that have to be sampled."""
