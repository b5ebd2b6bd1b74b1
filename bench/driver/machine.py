"""Facts about the machine and the clocks of its GPU. Reads only: settings stay as they are."""

import platform
import shutil
import subprocess

_QUERY = ["clocks.sm", "clocks.mem", "temperature.gpu", "power.draw", "clocks_throttle_reasons.active"]


def run(command):
    """Text of a command's output, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def facts():
    """What the report says about the machine; entries that cannot be read are left out."""
    found = {"host": platform.platform(), "python": platform.python_version()}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            names = [line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
        found["cpu"] = f"{len(names)} x {names[0]}"
    except (OSError, IndexError):
        pass
    for name, command in {
        "g++": ["g++", "-dumpfullversion"],
        "cmake": ["cmake", "--version"],
        "nvcc": ["nvcc", "--version"],
        "gpu": ["nvidia-smi", "--query-gpu=name,memory.total,driver_version,power.limit,clocks.max.sm,clocks.max.mem",
                "--format=csv,noheader"],
    }.items():
        output = run(command)
        if output:
            found[name] = output.splitlines()[-1 if name == "nvcc" else 0]
    return found


def revision(root):
    """The commit, with a plus sign if files differ from it; None outside a repository."""
    commit = run(["git", "-C", str(root), "rev-parse", "HEAD"])
    if commit is None:
        return None
    return commit + ("+" if run(["git", "-C", str(root), "status", "--porcelain", "-uno"]) else "")


class Clocks:
    """Reads clocks, temperature and power: through NVML where Python has it, as nvidia-smi takes a tenth of a second."""

    def __init__(self):
        self._nvml = self._handle = None
        self._smi = shutil.which("nvidia-smi")
        try:
            import pynvml
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByIndex(0)
            self._nvml = pynvml
        except Exception:  # not installed, or no driver: nvidia-smi may still be there
            pass

    def read(self):
        """Clocks in MHz, degrees Celsius, watts; None if neither way works."""
        if self._nvml:
            n, h = self._nvml, self._handle
            try:
                return {"sm_mhz": n.nvmlDeviceGetClockInfo(h, n.NVML_CLOCK_SM),
                        "memory_mhz": n.nvmlDeviceGetClockInfo(h, n.NVML_CLOCK_MEM),
                        "celsius": n.nvmlDeviceGetTemperature(h, n.NVML_TEMPERATURE_GPU),
                        "watts": n.nvmlDeviceGetPowerUsage(h) / 1000,
                        "throttle": hex(n.nvmlDeviceGetCurrentClocksThrottleReasons(h))}
            except Exception:  # a driver may not answer one of these
                self._nvml = None
        if self._smi:
            line = run([self._smi, "--query-gpu=" + ",".join(_QUERY), "--format=csv,noheader,nounits"])
            if line:
                sm, memory, celsius, watts, throttle = [part.strip() for part in line.splitlines()[0].split(",")]
                return {"sm_mhz": sm, "memory_mhz": memory, "celsius": celsius, "watts": watts, "throttle": throttle}
            self._smi = None
        return None
