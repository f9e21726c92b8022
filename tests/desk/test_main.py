import subprocess
import sys


def test_what_is_slow_and_of_no_use_here_is_not_imported():
    code = (
        "import sys\n"
        "import o365lib.desk.__main__ as desk\n"
        "import jupyterlab.labapp as lab\n"
        "lab.LabApp.launch_instance = lambda: print(sys.modules['rfc3987_syntax'])\n"
        "sys.modules.pop('rfc3987_syntax', None)\n"
        "desk.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
