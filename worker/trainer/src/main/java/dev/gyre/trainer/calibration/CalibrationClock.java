package dev.gyre.trainer.calibration;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.locks.LockSupport;

/** The clocks that a calibration decides by. Handed in, so that tests can run on a virtual one. */
interface CalibrationClock {
  /** The time that kernels take; see {@link Stopwatch}. */
  long kernelNanos();

  /** Wall-clock time. */
  long wallNanos();

  /** CPU time of the whole process, its compiler threads included. */
  long processCpuNanos();

  /** Leaves the core to the compiler. */
  void pause(long nanos);

  /**
   * The clocks of this process.
   *
   * @param onThisThread whether kernels compute on the calling thread alone
   */
  static CalibrationClock ofThisProcess(boolean onThisThread) {
    Stopwatch stopwatch = new Stopwatch(onThisThread);
    OperatingSystemMXBean process =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    return new CalibrationClock() {
      @Override
      public long kernelNanos() {
        return stopwatch.nanos();
      }

      @Override
      public long wallNanos() {
        return System.nanoTime();
      }

      @Override
      public long processCpuNanos() {
        return process.getProcessCpuTime();
      }

      @Override
      public void pause(long nanos) {
        LockSupport.parkNanos(nanos);
      }
    };
  }
}
