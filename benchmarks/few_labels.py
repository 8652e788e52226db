"""Every method with few labels, beside public peers: python benchmarks/few_labels.py [--sets digits] [--labels 40] ...

scikit-learn's digits, the quickstart's Fashion-MNIST and MNIST-1D, all read or generated on this machine; 10 to 400
labels or all of them; from scratch, or from an encoder that SimCLR trained on the same unlabelled samples. Beside
the methods stand scikit-learn's models with the same labels on the same test items. What is in
benchmarks/few_labels.json already is not measured again; docs/few-labels.md is written from all of it.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as `python -m` does
    from benchmarks.fewlabels.command import main

    main()
