package dev.gyre.coordinator;

import dev.gyre.comms.control.Capability;
import dev.gyre.comms.control.CheckpointWritten;
import dev.gyre.comms.control.Failure;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.comms.control.Finished;
import dev.gyre.comms.control.FromWorker;
import dev.gyre.comms.control.Heartbeat;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.Note;
import dev.gyre.comms.control.Preempted;
import dev.gyre.comms.control.Ready;
import dev.gyre.comms.control.StepReport;
import dev.gyre.comms.control.WrittenFile;

/** Messages that workers send in these tests. */
final class Say {
  static final String RUN = "quickstart#1";

  private Say() {}

  static FromWorker hello(int wantedRank) {
    return hello(RUN, wantedRank, "");
  }

  static FromWorker hello(String run, int wantedRank, String host) {
    return FromWorker.newBuilder()
        .setHello(
            Hello.newBuilder()
                .setRun(run)
                .setPid(4000 + wantedRank)
                .setHost(host)
                .setWantedRank(wantedRank)
                .setCores(2)
                .setMemoryBytes(8L << 30)
                .addCapabilities(
                    Capability.newBuilder()
                        .setBackend("vector")
                        .setAvailable(true)
                        .addDtypes("f32")))
        .build();
  }

  static FromWorker ready() {
    return FromWorker.newBuilder()
        .setReady(Ready.newBuilder().setMatmulFlopsPerSecond(7).setMemoryBytesUsed(9))
        .build();
  }

  static FromWorker beat(long step, int layer, String phase, long changes, int waitingFor) {
    return FromWorker.newBuilder()
        .setHeartbeat(
            Heartbeat.newBuilder()
                .setStep(step)
                .setLayer(layer)
                .setPhase(phase)
                .setChanges(changes)
                .setWaitingFor(waitingFor))
        .build();
  }

  /** Heartbeat of a rank that writes or reads files. */
  static FromWorker onStorage(long step, String phase, long changes) {
    return FromWorker.newBuilder()
        .setHeartbeat(
            Heartbeat.newBuilder()
                .setStep(step)
                .setLayer(-1)
                .setPhase(phase)
                .setChanges(changes)
                .setWaitingFor(-1)
                .setOnStorage(true))
        .build();
  }

  static FromWorker step(long step, String json) {
    return FromWorker.newBuilder()
        .setStep(StepReport.newBuilder().setStep(step).setJson(json))
        .build();
  }

  static FromWorker note(String text) {
    return FromWorker.newBuilder().setNote(Note.newBuilder().setText(text)).build();
  }

  static FromWorker written(long step, String folder, int rank) {
    return FromWorker.newBuilder()
        .setCheckpoint(
            CheckpointWritten.newBuilder()
                .setStep(step)
                .setFolder(folder)
                .setManifestJson(rank == 0 ? "{\"step\":" + step + "}" : "")
                .addFiles(
                    WrittenFile.newBuilder().setName("rank-" + rank).setBytes(3).setSha256("ab")))
        .build();
  }

  static FromWorker finished(long steps, boolean stopped) {
    return FromWorker.newBuilder()
        .setFinished(Finished.newBuilder().setSteps(steps).setStopped(stopped))
        .build();
  }

  static FromWorker failure(FailureKind kind, String message, int peer) {
    return FromWorker.newBuilder()
        .setFailure(Failure.newBuilder().setKind(kind).setMessage(message).setPeer(peer))
        .build();
  }

  static FromWorker preempted() {
    return FromWorker.newBuilder().setPreempted(Preempted.getDefaultInstance()).build();
  }
}
