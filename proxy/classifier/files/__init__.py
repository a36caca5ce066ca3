"""Rule files: `load` makes `Rules` of them, `rulefile` tells what is wrong with one and where, `heads` reads a provider's, `nodes` is YAML."""
