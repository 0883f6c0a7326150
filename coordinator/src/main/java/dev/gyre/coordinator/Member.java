package dev.gyre.coordinator;

import dev.gyre.comms.control.Heartbeat;
import dev.gyre.comms.control.Hello;

/** A worker that has joined, and the position that its last heartbeat reported. */
final class Member {
  private final WorkerLink link;
  private final Hello hello;
  private int rank;
  private boolean ready;
  private boolean finished;
  private boolean stopped;
  private Heartbeat beat =
      Heartbeat.newBuilder().setStep(-1).setLayer(-1).setWaitingFor(-1).build();
  private long heardNanos;
  private long changedNanos;

  Member(WorkerLink link, Hello hello, long now) {
    this.link = link;
    this.hello = hello;
    this.rank = hello.getWantedRank();
    this.heardNanos = now;
    this.changedNanos = now;
  }

  WorkerLink link() {
    return link;
  }

  Hello hello() {
    return hello;
  }

  JoinedWorker asJoined() {
    return JoinedWorker.of(rank, hello);
  }

  /** −1 until assigned. */
  int rank() {
    return rank;
  }

  void assign(int newRank) {
    rank = newRank;
  }

  void heard(long now) {
    heardNanos = now;
  }

  void beat(Heartbeat newBeat, long now) {
    if (newBeat.getChanges() != beat.getChanges()) {
      changedNanos = now;
    }
    beat = newBeat;
  }

  /** The run starts; stall time counts from here. */
  void started(long now) {
    changedNanos = now;
  }

  void markReady() {
    ready = true;
  }

  boolean ready() {
    return ready;
  }

  void markFinished(boolean stoppedEarly) {
    finished = true;
    stopped = stoppedEarly;
  }

  boolean finished() {
    return finished;
  }

  boolean stopped() {
    return stopped;
  }

  long silentNanos(long now) {
    return now - heardNanos;
  }

  long stillNanos(long now) {
    return now - changedNanos;
  }

  long changes() {
    return beat.getChanges();
  }

  /** It reads or writes files: how long that takes is up to the file system. */
  boolean onStorage() {
    return beat.getOnStorage();
  }

  int waitingFor() {
    return beat.getWaitingFor();
  }

  /** {@code rank 3 (pid 4182 on node-7)}. */
  String name() {
    String who = rank < 0 ? "a worker without a rank yet" : "rank " + rank;
    String host = hello.getHost().isEmpty() ? "" : " on " + hello.getHost();
    return who + " (pid " + hello.getPid() + host + ")";
  }

  /** {@code in step 812, layer 12, ring hop 5 of 8}. */
  String where() {
    StringBuilder where = new StringBuilder();
    where.append(beat.getStep() < 0 ? "before the first step" : "in step " + beat.getStep());
    if (beat.getLayer() >= 0) {
      where.append(", layer ").append(beat.getLayer());
    }
    if (!beat.getPhase().isEmpty()) {
      where.append(", ").append(beat.getPhase());
    }
    return where.toString();
  }

  /** The same with {@code , waiting for rank 2}. */
  String whereAndForWhom() {
    return waitingFor() < 0 ? where() : where() + ", waiting for rank " + waitingFor();
  }
}
