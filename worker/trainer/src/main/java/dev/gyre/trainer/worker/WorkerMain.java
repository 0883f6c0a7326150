package dev.gyre.trainer.worker;

/** Entry point of a worker process. Its arguments are {@link WorkerOptions}. */
public final class WorkerMain {
  private WorkerMain() {}

  public static void main(String[] args) throws InterruptedException {
    int cores = CoreShare.take();
    System.exit(new Worker(WorkerOptions.parse(args), cores).run());
  }
}
