package dev.gyre.comms.aeron;

import dev.gyre.comms.PolledTransport;
import dev.gyre.comms.Progress;
import dev.gyre.comms.Transfer;
import io.aeron.Aeron;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One rank's end of the data plane over Aeron. By IPC, payload in memory from {@link #allocate}
 * above the eager limit is sent by reference: the receiver copies it once, directly from the
 * sender's memory, and acknowledges. Other payload is sent through a log in chunks; above the eager
 * limit only after its receive is posted. The calling threads drive the transport; while kernels
 * compute, its progress thread does.
 */
public final class AeronTransport extends PolledTransport {
  private static final long SERVICE_NANOS = 1_000_000;
  private static final long LIVENESS_NANOS = 100_000_000;

  /** Going to sleep and waking up costs another 10 to 20 µs. */
  private static final long MIN_PARK_NANOS = 2_000;

  private static final long MAX_PARK_NANOS = 500_000;

  /** Sleep between checks for the driver and for dead peers; a message wakes the rank earlier. */
  private static final long MAX_SLEEP_NANOS = 10_000_000;

  /**
   * How long a closing rank tries to write its last frames; after that its peers rely on their
   * deadlines.
   */
  private static final long LAST_WORDS_NANOS = 1_000_000_000;

  private final AeronOptions options;
  private final Slabs slabs;
  private final Aeron aeron;
  private final PeerProcesses processes;
  private final RankFutexes futexes;
  private final List<PeerLink> links;

  /** Held by every thread that accesses payload memory, so that an abort knows when none does. */
  private final ReentrantLock lock = new ReentrantLock();

  private final int[] linkOf;
  private long servicedNanos;
  private long livenessNanos;
  private @Nullable String ended;
  private volatile boolean closed;

  /** What a thread needs in order to sleep here, with a precise timer. */
  private static final class Sleeper {
    final MemorySegment timeout = Arena.ofAuto().allocate(2 * Long.BYTES, Long.BYTES);

    Sleeper() {
      TimerSlack.tighten();
    }
  }

  /** Of the training thread and of the progress thread. */
  private final ThreadLocal<Sleeper> sleepers = ThreadLocal.withInitial(Sleeper::new);

  private AeronTransport(
      AeronOptions options,
      Progress where,
      Slabs slabs,
      Aeron aeron,
      PeerProcesses processes,
      RankFutexes futexes,
      List<PeerLink> links) {
    super(options.rank(), options.size(), options.deadlineNanos(), where);
    this.options = options;
    this.slabs = slabs;
    this.aeron = aeron;
    this.processes = processes;
    this.futexes = futexes;
    this.links = links;
    linkOf = new int[options.size()];
    for (int i = 0; i < links.size(); i++) {
      linkOf[links.get(i).peer()] = i;
    }
    servicedNanos = System.nanoTime();
    livenessNanos = servicedNanos;
  }

  /**
   * Joins the run and waits until every rank has joined.
   *
   * @param log receives single lines for the user
   * @throws dev.gyre.comms.CommsException if the driver or a rank does not answer by the deadline
   */
  public static AeronTransport open(AeronOptions options, Consumer<String> log) {
    return open(options, new Progress(), log);
  }

  /**
   * The same.
   *
   * @param where updated by the training thread, included in errors
   */
  public static AeronTransport open(AeronOptions options, Progress where, Consumer<String> log) {
    return open(options, where, log, AeronClocks.MONOTONIC);
  }

  /** The same with given clocks. */
  static AeronTransport open(
      AeronOptions options, Progress where, Consumer<String> log, AeronClocks clocks) {
    where.phase("joining");
    Channels channels = new Channels(options);
    Rendezvous rendezvous = new Rendezvous(options, channels, where, clocks);
    PeerProcesses processes = new PeerProcesses(options);
    Aeron aeron =
        rendezvous.connect(error -> log.accept("rank " + options.rank() + ", Aeron: " + error));
    Slabs slabs = new Slabs(options.folder(), options.epoch(), options.rank(), log);
    RankFutexes futexes = new RankFutexes(options);
    try {
      processes.announceSelf();
      List<PeerLink> links = rendezvous.open(aeron, slabs, futexes);
      rendezvous.join(aeron, links);
      processes.findPeers();
      if (options.rank() == 0) {
        // // The driver has created the logs by now, with permissions that follow the umask.
        PrivateFiles.restrict(RunMediaDriver.driverFolder(options.folder()));
      }
      futexes.findPeers();
      return new AeronTransport(options, where, slabs, aeron, processes, futexes, links);
    } catch (RuntimeException failed) {
      processes.withdrawSelf();
      slabs.close();
      aeron.close();
      futexes.close();
      throw failed;
    }
  }

  @Override
  public String name() {
    return options.limits().name();
  }

  @Override
  public MemorySegment allocate(String name, long bytes) {
    lock.lock();
    try {
      return options.isUdp() ? slabs.anonymous(bytes) : slabs.allocate(name, bytes);
    } finally {
      lock.unlock();
    }
  }

  @Override
  protected void start(Transfer transfer) {
    lock.lock();
    try {
      if (ended != null) {
        transfer.fail(ended);
      } else {
        links.get(linkOf[transfer.peer()]).start(transfer);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  protected void release(Transfer receive) {
    lock.lock();
    try {
      if (ended == null) {
        links.get(linkOf[receive.peer()]).release(receive);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int progress() {
    lock.lock(); // not tryLock: a thread that finds nothing here may go to sleep
    try {
      if (ended != null) {
        return 0;
      }
      int work = 0;
      for (int i = 0; i < links.size(); i++) {
        work += links.get(i).work();
      }
      long now = System.nanoTime();
      if (now - servicedNanos >= SERVICE_NANOS) {
        servicedNanos = now;
        aeron.conductorAgentInvoker().invoke();
        if (aeron.isClosed()) {
          endWithoutDriver();
        }
      }
      if (work == 0 && now - livenessNanos >= LIVENESS_NANOS) {
        livenessNanos = now;
        watchPeers();
      }
      return work;
    } finally {
      lock.unlock();
    }
  }

  private void endWithoutDriver() {
    ended = "the run's media driver has ended: is its launcher alive?";
    for (PeerLink link : links) {
      link.fail(ended);
    }
  }

  private void watchPeers() {
    for (int i = 0; i < links.size(); i++) {
      PeerLink link = links.get(i);
      String obituary = link.isGone() ? null : processes.obituary(link.peer());
      if (obituary != null) {
        link.fail(obituary);
      }
    }
  }

  @Override
  protected boolean sharesCore() {
    return options.size() > options.cores();
  }

  @Override
  protected void prepareToPause() {
    futexes.arm();
  }

  @Override
  protected void pause(long quietNanos, long leastNanos, long limitNanos) {
    Sleeper sleeper = sleepers.get();
    if (futexes.canSleep() && !isBackedUp()) {
      futexes.await(Math.min(MAX_SLEEP_NANOS, limitNanos), sleeper.timeout);
    } else {
      long park = Math.clamp(quietNanos / 8, Math.max(MIN_PARK_NANOS, leastNanos), MAX_PARK_NANOS);
      LockSupport.parkNanos(this, Math.min(park, limitNanos));
    }
  }

  /** A reader that makes room in a log wakes nobody. */
  private boolean isBackedUp() {
    lock.lock();
    try {
      for (int i = 0; i < links.size(); i++) {
        if (!links.get(i).isGone() && !links.get(i).hasWrittenAll()) {
          return true;
        }
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  @Override
  protected void wake() {
    super.wake();
    if (!closed) {
      futexes.wake(options.rank());
    }
  }

  @Override
  protected void withdraw(Transfer transfer, String reason) {
    lock.lock();
    try {
      links.get(linkOf[transfer.peer()]).withdraw(transfer, reason);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void abort(String reason) {
    lock.lock();
    try {
      if (ended == null) {
        end(Frame.Kind.ABORT, "aborted: " + reason, reason);
      }
    } finally {
      lock.unlock();
    }
  }

  private void end(Frame.Kind kind, String here, String there) {
    ended = here;
    List<PeerLink> untold = new ArrayList<>(links);
    untold.removeIf(PeerLink::isGone);
    for (PeerLink link : links) {
      link.fail(here);
    }
    // // The log may be full of payload; a peer that still reads makes room.
    long deadline = System.nanoTime() + LAST_WORDS_NANOS;
    untold.removeIf(link -> link.sayLast(kind, there));
    while (!untold.isEmpty() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(this, MIN_PARK_NANOS);
      untold.removeIf(link -> link.sayLast(kind, there));
    }
  }

  @Override
  public void close() {
    endBackground();
    lock.lock();
    try {
      if (closed) {
        return;
      }
      if (ended == null) {
        writeOut();
        end(Frame.Kind.BYE, "this rank's transport is closed", "");
      }
      closed = true;
      for (PeerLink link : links) {
        link.close();
      }
      processes.withdrawSelf();
      aeron.close();
      slabs.close();
      futexes.close();
    } finally {
      lock.unlock();
    }
  }

  private void writeOut() {
    long deadline = System.nanoTime() + LAST_WORDS_NANOS;
    while (!hasWrittenAll() && System.nanoTime() - deadline < 0) {
      for (PeerLink link : links) {
        link.work();
      }
      LockSupport.parkNanos(this, MIN_PARK_NANOS);
    }
  }

  private boolean hasWrittenAll() {
    for (PeerLink link : links) {
      if (!link.isGone() && !link.hasWrittenAll()) {
        return false;
      }
    }
    return true;
  }
}
