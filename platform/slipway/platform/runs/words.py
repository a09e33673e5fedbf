"""The words that readable names are made of: short, plain, and kind to whoever says them aloud."""

from typing import Final

_ADJECTIVES = """
able agile airy amber ample apt arctic azure bold brave breezy bright brisk bronze calm candid civil clean clear
clever cobalt copper coral cosy crisp curious dapper daring deep deft eager early easy even fair famous fancy fast
fine firm fleet fluent fond frank free fresh frosty gentle giant glad golden grand green happy hardy hazel honest
humble indigo ivory jade jolly keen kind lasting light lilac lively lofty loyal lucid lucky lunar major mellow merry
mighty mild mint misty modest navy neat nimble noble novel olive open orange patient pearl placid plain polite prime
prompt proud quick quiet rapid rare ready regal robust rosy ruby rustic sandy scarlet serene sharp shiny silent
silver simple sleek smart smooth snowy solar solid sound spry steady still stout sunny sure swift tall teal tidy
topaz true upbeat urban usual valid vast velvet violet vivid warm wide wild windy wise witty young zesty
"""

_NOUNS = """
acorn alder anchor apple arbor ash aspen aster badger bamboo basil bay beacon beaver beech birch bison breeze bridge
brook canyon cedar cherry cliff clover comet condor coral cove crane creek cypress daisy dawn delta dolphin dove
dune eagle egret elk elm ember falcon fern finch fjord flint forest fox garnet gecko geyser ginger glacier grove
gull harbor hare hawk hazel heath heron hill holly horizon ibex iris island ivy jasmine jay juniper kestrel koala
lagoon lake lantern larch lark laurel lemon lily lime linden lion lotus lynx magpie maple marlin marten meadow mesa
mink moon moose moss myrtle oak oasis olive orbit orca orchid oriole osprey otter owl panda peach pear pebble
pelican pepper pine plover plum pond poplar prairie puffin quail quartz rabbit rain raven reef ridge river robin
rose rowan sage salmon seal shore sparrow spruce star stork stream summit swan thistle thyme tiger trout tulip
valley walnut wave willow wolf wren yak
"""

ADJECTIVES: Final = tuple(_ADJECTIVES.split())
NOUNS: Final = tuple(_NOUNS.split())
