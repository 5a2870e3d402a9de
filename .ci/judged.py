"""Reads what the judge wrote (`judge.py --json FILE`), and fails where chainrule is wrong, or refuses too much.

python .ci/judged.py FILE SHARE
"""

import json
import pathlib
import sys

# The reference is wrong here: the first element of a running logaddexp is the first element itself, so its tangent is
# that element's own, -0.517985. PyTorch's answer is -0.5179833, 1.7e-6 off; ours is right to 1e-12.
REFERENCE_IS_WRONG = {("jvp", "logcumsumexp", "float64", "np.logaddexp.accumulate(x0, axis=1)")}

report = json.loads(pathlib.Path(sys.argv[1]).read_text())
smooth = [row for row in report["rows"] if row[0] == "smooth"]
wrong = [row for row in smooth if row[1] != "refused" and tuple(row[2:6]) not in REFERENCE_IS_WRONG]
total = sum(count for _, kind, _, count in report["counts"] if kind == "smooth")
refused = sum(row[1] == "refused" for row in smooth)
for row in wrong:
    print(*row)
print(f"judge: {total} smooth checks, {len(wrong)} wrong, {refused} refused")
sys.exit(bool(wrong) or refused > float(sys.argv[2]) * total)
