"""Networks for scikit-learn's pipelines and searches.

settings.py    parameters of an estimator, checked, and the optimizer and first weights they ask for
solving.py     epochs until an estimator no longer improves, or L-BFGS
estimators.py  `MLPClassifier` and `MLPRegressor`
"""
