from tests.bench.fanout import *

print(run(40, 14, 2))
