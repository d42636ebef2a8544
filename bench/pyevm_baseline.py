"""py-evm as shipped on recorded blocks: the yardstick that every engine figure is compared with."""

import eth as eth
