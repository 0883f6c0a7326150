package dev.gyre.trainer.worker;

import dev.gyre.comms.CommsException;
import dev.gyre.comms.ExitCode;
import dev.gyre.comms.Progress;
import dev.gyre.comms.Transport;
import dev.gyre.comms.control.Assignment;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.comms.control.MeasuredRates;
import dev.gyre.comms.memory.SharedMemory;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.trainer.calibration.KernelRates;
import dev.gyre.trainer.calibration.RateCache;
import dev.gyre.trainer.control.ControlClient;
import dev.gyre.trainer.control.ControlException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** One worker process, from joining to its exit code. */
final class Worker {
  /**
   * A coordinator that ended is noticed at once, by its stream and its pipe. One that is only
   * silent may be a stopped process, and is waited for.
   */
  private static final Duration ORPHAN_TIMEOUT = Duration.ofMinutes(2);

  private static final String FIRST_RANK = "0";
  private static final String FIRST_ATTEMPT = "1";

  private final WorkerOptions options;
  private final int cores;
  private final TerminationSignal termination;
  private final Progress progress = new Progress();
  private volatile @Nullable Transport transport;

  /**
   * @param cores of this host that a worker may use
   */
  Worker(WorkerOptions options, int cores, TerminationSignal termination) {
    this.options = options;
    this.cores = cores;
    this.termination = termination;
  }

  /**
   * Trains to the end, or reports its failure to the coordinator. Returns the exit code.
   *
   * <p>Where no rates are stored, kernels are measured before the worker joins. If the JIT compiler
   * compiled one badly, the process is replaced; if the replacement has a slow kernel too, the run
   * fails. Where rates are stored, {@link KernelWatch} detects such a kernel after some steps.
   */
  int run() throws IOException, InterruptedException {
    JoinToken token = token();
    if (options.rank().equals(FIRST_RANK)) {
      Backends.table(options.backend(), device()).forEach(Worker::log);
    }
    boolean firstAttempt = options.attempt().equals(FIRST_ATTEMPT);
    try (MeasuredBackend measured =
        MeasuredBackend.open(
            options.backend(),
            device(),
            options.dtype(),
            options.kernelThreads(),
            RateCache.ofUser(),
            !firstAttempt,
            Worker::log)) {
      if (!measured.slow().isEmpty() && firstAttempt) {
        System.err.println(
            "gyre: " + SlowKernelException.describe(measured.slow()) + "; trying another process");
        return ExitCode.WORKER_AGAIN.code();
      }
      try (ControlClient control =
          ControlClient.connect(
              options.coordinator(),
              token,
              hello(measured.rates()),
              progress,
              ORPHAN_TIMEOUT,
              this::ended)) {
        termination.reportTo(control::preempted);
        return run(control, measured);
      }
    }
  }

  private static JoinToken token() throws IOException {
    String file = System.getenv(JoinToken.FILE_VARIABLE);
    if (file == null) {
      throw new IOException(
          JoinToken.FILE_VARIABLE + " is not set: a worker needs the file of its run's join token");
    }
    return JoinToken.read(Path.of(file));
  }

  private static void log(String line) {
    System.out.println(line);
  }

  private int run(ControlClient control, MeasuredBackend measured) throws InterruptedException {
    try {
      SlowKernelException.throwIfAny(measured.slow());
      Assignment assignment = control.awaitAssignment();
      try (WorkerTrace _ = WorkerTrace.start(options, assignment, progress);
          WorkerSession session =
              WorkerSession.open(
                  options,
                  assignment,
                  measured,
                  cores,
                  progress,
                  control::note,
                  opened -> transport = opened)) {
        control.ready(measured.rates().matmulFlopsPerSecond(), session.memoryBytes());
        control.awaitStart();
        session.train(control);
      }
      return ExitCode.DONE.code();
    } catch (ControlException e) {
      System.err.println("gyre: " + e.getMessage());
      return ExitCode.TRY_AGAIN.code();
    } catch (IOException | RuntimeException | Error e) {
      return fail(control, e);
    }
  }

  private static int fail(ControlClient control, Throwable e) throws InterruptedException {
    Failure failure = Failure.of(e);
    System.err.println("gyre: " + failure.message());
    e.printStackTrace();
    control.fail(failure.kind(), failure.message(), e instanceof CommsException c ? c.peer() : -1);
    return failure.exit().code();
  }

  /** The coordinator stopped the run or is gone; the training thread may be inside a collective. */
  private void ended(String reason, int exitCode) {
    System.err.println("gyre: " + reason);
    Transport open = transport;
    if (open != null) {
      open.abort(reason);
    }
    Runtime.getRuntime().halt(exitCode);
  }

  private Device device() {
    return Device.parse(options.device());
  }

  private Hello hello(KernelRates measured) {
    Rates rates = measured.rates();
    return Hello.newBuilder()
        .setRun(options.run())
        .setPid(ProcessHandle.current().pid())
        .setHost(hostName())
        .setWantedRank(Integer.parseInt(options.rank()))
        .setCores(cores)
        .setMemoryBytes(HostLimits.memoryBytes())
        .setSharedMemoryBytes(SharedMemory.usableBytes())
        .addAllCapabilities(Backends.capabilities(options.backend(), device()))
        .setRates(
            MeasuredRates.newBuilder()
                .setMatmulFlopsPerSecond(rates.matmulFlopsPerSecond())
                .setAttentionFlopsPerSecond(rates.attentionFlopsPerSecond())
                .setCopyBytesPerSecond(rates.linkBytesPerSecond()))
        .build();
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }
}
