"""How much of everything is read: bounds that no real manifest comes near and hostile input runs into."""

from __future__ import annotations

# A dump of 100,000 pods with their status is about 700 MB of JSON.
FILE_BYTES = 1 << 30

# What `helm template` or `kustomize build` may print, and how many seconds they may take.
RENDERED_BYTES = 256 << 20
RENDER_SECONDS = 120.0

# The API server refuses requests above 3 MB and etcd values above 1.5 MB: no string of an object is longer.
SCALAR_CHARACTERS = 4 << 20

# Collections inside each other. The deepest field of the APIs read here lies at about 20, and readers of the
# documents may recurse once a level.
DEPTH = 200

# Nodes that the aliases of one document may stand for, counted as if each were written out. go-yaml, with
# which kubectl reads, becomes suspicious at 400,000.
ALIASED_NODES = 400_000

# Values of one document that is read event by event: some seconds of work. The plain block style that kubectl
# and helm write is read otherwise, and so is JSON.
EVENT_NODES = 3_000_000

# Characters of an object in YAML whose fields are placed: of a larger one, which no API server would take,
# only its own line is told.
PLACED_CHARACTERS = 4 << 20

# Characters of a number: a port has five, a 64-bit float in full at most 325.
NUMBER_CHARACTERS = 325

# Problems told of one document: the first are the ones to mend.
PROBLEMS = 50

# Problems told of one file, before the rest of its documents is left unread.
FILE_PROBLEMS = 1000

# %TAG lines of one text: libyaml compares each with all before it.
TAG_DIRECTIVES = 100

# Characters of a text that begins like JSON, is none, and is tried as YAML, at about 2 MB a second. More than
# that was written by a program, and cut off.
FLOW_CHARACTERS = 4 << 20
