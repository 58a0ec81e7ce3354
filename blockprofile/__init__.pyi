"""What type checkers see of the face; `__init__.py` loads each name when it is first asked for."""

from blockprofile.compare.api import Trials as Trials
from blockprofile.compare.api import compare as compare
from blockprofile.plot.heatmap import heatmap as heatmap
from blockprofile.predict.evaluate import evaluate_predictor as evaluate_predictor
from blockprofile.predict.fit import fit_predictor as fit_predictor
from blockprofile.predict.registry import load_predictors as load_predictors
from blockprofile.profile.record import Profile as Profile
from blockprofile.prune.compose import Bounds as Bounds
from blockprofile.prune.pruning import prune as prune
from blockprofile.report.api import report as report
from blockprofile.run.parallel import Execution as Execution
from blockprofile.run.pool import PoolRequest as PoolRequest
from blockprofile.run.sample import sample as sample
from blockprofile.search.api import search as search
from blockprofile.search.request import Aims as Aims
from blockprofile.space.load import load_space as load_space
from blockprofile.space.space import Space as Space

__version__: str
