package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.SchedulePass;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Proves that sends match receives. First the two ends of every channel are compared. Then the
 * programs are simulated against each other without any buffering: a message completes only when
 * both ends have posted it. {@link ScheduleReplay} tracks what each rank holds.
 */
final class MessageProof {
  private final SequenceLayout layout;
  private final SchedulePass phase;
  private final List<Program> programs;
  private final int ring;
  private final ScheduleReplay holdings;

  /** By {@code from · ring + to}, for the pairs of ranks that communicate. */
  private final Map<Integer, Channel> channels = new TreeMap<>();

  /** Per rank: its current step, and how many messages of that step are incomplete. */
  private final int[] step;

  private final int[] waiting;

  private final ArrayDeque<Integer> ready = new ArrayDeque<>();

  private record Posted(int step, Message message) {}

  /** What is sent and received from one rank to another. */
  private static final class Channel {
    final List<Posted> sends = new ArrayList<>();
    final List<Posted> receives = new ArrayList<>();

    /** In the simulation: messages posted by the sender, by the receiver, and completed. */
    int sent;

    int received;
    int completed;
  }

  MessageProof(
      SequenceLayout layout, SchedulePass phase, List<Program> programs, CoveredRows covered) {
    this.layout = layout;
    this.phase = phase;
    this.programs = programs;
    ring = layout.ring();
    holdings = new ScheduleReplay(layout, phase, covered);
    step = new int[ring];
    waiting = new int[ring];
  }

  void prove() {
    collect();
    channels.forEach((key, channel) -> compare(key / ring, key % ring, channel));
    run();
    holdings.proveComplete();
  }

  private Channel channel(int from, int to) {
    return channels.computeIfAbsent(from * ring + to, _ -> new Channel());
  }

  // --- compare both ends of each channel -------------------------------------------------------

  private void collect() {
    for (int rank = 0; rank < ring; rank++) {
      List<Step> steps = programs.get(rank).steps();
      for (int s = 0; s < steps.size(); s++) {
        for (Message message : steps.get(s).sends()) {
          proveMessage(rank, s, "sends", message);
          channel(rank, message.peer()).sends.add(new Posted(s, message));
        }
        for (Message message : steps.get(s).receives()) {
          proveMessage(rank, s, "receives", message);
          channel(message.peer(), rank).receives.add(new Posted(s, message));
        }
      }
    }
  }

  private void proveMessage(int rank, int s, String verb, Message message) {
    String problem = "";
    if (message.peer() < 0 || message.peer() >= ring || message.peer() == rank) {
      problem = "which is no other rank of the ring of " + ring;
    } else if (message.owner() < 0 || message.owner() >= ring) {
      problem = "but owners are below " + ring;
    } else if (!phase.knows(message.item())) {
      problem = "which has no meaning " + phase.label();
    } else {
      int tokens = layout.tokens(message.owner());
      for (TokenRange run : message.rows()) {
        if (run.end() > tokens) {
          problem = "but the owner has %d rows".formatted(tokens);
        }
      }
    }
    if (!problem.isEmpty()) {
      throw new InvalidPlanException(
          "%s: rank %d step %d %s %s %s rank %d, %s"
              .formatted(
                  phase.label(),
                  rank,
                  s,
                  verb,
                  describe(message),
                  verb.equals("sends") ? "to" : "from",
                  message.peer(),
                  problem));
    }
  }

  private void compare(int from, int to, Channel channel) {
    List<Posted> out = channel.sends;
    List<Posted> in = channel.receives;
    for (int i = 0; i < Math.max(out.size(), in.size()); i++) {
      String sending = i < out.size() ? end(out.get(i), "sends") : "sends nothing more";
      String receiving = i < in.size() ? end(in.get(i), "receives") : "has no receive left";
      boolean same =
          i < out.size()
              && i < in.size()
              && out.get(i).message().item() == in.get(i).message().item()
              && out.get(i).message().owner() == in.get(i).message().owner()
              && out.get(i).message().rows().equals(in.get(i).message().rows());
      if (!same) {
        throw new InvalidPlanException(
            "%s: message %d from rank %d to rank %d: rank %d %s, rank %d %s"
                .formatted(phase.label(), i, from, to, from, sending, to, receiving));
      }
    }
  }

  private static String end(Posted posted, String verb) {
    return "step %d %s %s".formatted(posted.step(), verb, describe(posted.message()));
  }

  private static String describe(Message message) {
    StringBuilder text = new StringBuilder();
    text.append(message.item()).append(" of rank ").append(message.owner()).append(" rows");
    for (TokenRange run : message.rows()) {
      text.append(' ').append(run.start()).append("..").append(run.end() - 1);
    }
    return message.rows().isEmpty() ? text.append(" none").toString() : text.toString();
  }

  // --- simulate the programs -------------------------------------------------------------------

  private void run() {
    for (int rank = 0; rank < ring; rank++) {
      enter(rank);
    }
    while (!ready.isEmpty()) {
      int rank = ready.remove();
      holdings.endStep(rank);
      step[rank]++;
      enter(rank);
    }
    for (int rank = 0; rank < ring; rank++) {
      if (!finished(rank)) {
        throw stuck(rank);
      }
    }
  }

  private boolean finished(int rank) {
    return step[rank] >= programs.get(rank).steps().size();
  }

  private void enter(int rank) {
    if (finished(rank)) {
      return;
    }
    Step now = programs.get(rank).steps().get(step[rank]);
    holdings.beginStep(rank, step[rank], now);
    waiting[rank] = now.sends().size() + now.receives().size();
    if (waiting[rank] == 0) {
      ready.add(rank);
    }
    for (Message message : now.sends()) {
      channel(rank, message.peer()).sent++;
      complete(rank, message.peer());
    }
    for (Message message : now.receives()) {
      channel(message.peer(), rank).received++;
      complete(message.peer(), rank);
    }
  }

  private void complete(int from, int to) {
    Channel channel = channel(from, to);
    while (channel.completed < Math.min(channel.sent, channel.received)) {
      channel.completed++;
      holdings.travel(from, to);
      arrive(from);
      arrive(to);
    }
  }

  private void arrive(int rank) {
    if (--waiting[rank] == 0) {
      ready.add(rank);
    }
  }

  /** Every stuck rank waits for another stuck rank, so following them finds a cycle. */
  private InvalidPlanException stuck(int first) {
    boolean[] seen = new boolean[ring];
    StringBuilder chain = new StringBuilder();
    int rank = first;
    while (!seen[rank]) {
      seen[rank] = true;
      Message message = firstWaiting(rank);
      chain.append(
          "rank %d step %d waits for rank %d (%s), "
              .formatted(rank, step[rank], message.peer(), describe(message)));
      rank = message.peer();
    }
    return new InvalidPlanException(
        phase.label() + ": deadlock: " + chain + "which is waiting already");
  }

  private Message firstWaiting(int rank) {
    Step now = programs.get(rank).steps().get(step[rank]);
    for (Message message : now.sends()) {
      Channel channel = channel(rank, message.peer());
      if (channel.completed < channel.sent) {
        return message;
      }
    }
    for (Message message : now.receives()) {
      Channel channel = channel(message.peer(), rank);
      if (channel.completed < channel.received) {
        return message;
      }
    }
    throw new AssertionError("rank " + rank + " waits for nothing");
  }
}
