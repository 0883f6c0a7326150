package dev.gyre.deploy.files;

import dev.gyre.trainer.checkpoint.DurableFiles;
import dev.gyre.trainer.data.Tokenizers;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The folder of one run, and the names of its files. A run never writes into another run's folder.
 */
public final class RunFolder {
  /** Below a run's folder. */
  public static final String MODEL_FILES = "model-files";

  private static final int MAX_RUNS = 100_000;

  private final Path path;

  private RunFolder(Path path) {
    this.path = path;
  }

  /**
   * Creates {@code runs/name}, or {@code runs/name-2}, {@code -3}, … if that exists. Safe against
   * other processes doing the same.
   *
   * @throws IOException if the folder cannot be created
   */
  public static RunFolder create(Path runs, String name) throws IOException {
    checkName(name);
    Files.createDirectories(runs);
    for (int number = 1; number <= MAX_RUNS; number++) {
      Path path = runs.resolve(numbered(name, number));
      try {
        // mkdir is atomic: of two processes that try, one gets the folder.
        Files.createDirectory(path);
      } catch (FileAlreadyExistsException _) {
        continue;
      }
      return new RunFolder(path).furnished();
    }
    throw new IOException(
        "%s holds %d runs named %s; move some away".formatted(runs, MAX_RUNS, name));
  }

  private RunFolder furnished() throws IOException {
    try {
      Files.createDirectory(logs());
      Files.createDirectory(checkpoints());
      return this;
    } catch (IOException e) {
      delete(); // for example, the disk is full
      throw e;
    }
  }

  /**
   * An existing run's folder.
   *
   * @throws NoSuchFileException if there is none
   */
  public static RunFolder open(Path path) throws NoSuchFileException {
    if (!Files.isDirectory(path)) {
      throw new NoSuchFileException(path.toString(), null, "no such run");
    }
    return new RunFolder(path);
  }

  /**
   * The runs of a job, newest first: folders {@code name}, {@code name-2} and so on whose {@code
   * job.json} says this name. A folder {@code exp-2} may be the first run of a job {@code exp-2}.
   *
   * @throws IOException if such a folder cannot be read
   */
  public static List<RunFolder> ofJob(Path runs, String name) throws IOException {
    checkName(name);
    TreeMap<Integer, RunFolder> numbers = new TreeMap<>();
    for (RunFolder folder : all(runs)) {
      int number = number(folder.name(), name);
      if (number > 0 && folder.jobName().filter(name::equals).isPresent()) {
        numbers.put(number, folder);
      }
    }
    return List.copyOf(numbers.descendingMap().values());
  }

  /** Runs of a job whose folders were renamed. */
  public static List<RunFolder> renamedOfJob(Path runs, String name) throws IOException {
    List<RunFolder> renamed = new ArrayList<>();
    for (RunFolder folder : all(runs)) {
      if (number(folder.name(), name) == 0 && folder.jobName().filter(name::equals).isPresent()) {
        renamed.add(folder);
      }
    }
    return renamed;
  }

  private static List<RunFolder> all(Path runs) throws IOException {
    List<RunFolder> found = new ArrayList<>();
    if (Files.isDirectory(runs)) {
      try (DirectoryStream<Path> all = Files.newDirectoryStream(runs, Files::isDirectory)) {
        all.forEach(path -> found.add(new RunFolder(path)));
      } catch (DirectoryIteratorException e) {
        throw e.getCause();
      }
    }
    found.sort(Comparator.comparing(RunFolder::name));
    return found;
  }

  /** 1 for the name itself, n for {@code name-n}, 0 for anything else. */
  private static int number(String folder, String name) {
    if (folder.equals(name)) {
      return 1;
    }
    String suffix = folder.startsWith(name + "-") ? folder.substring(name.length() + 1) : "";
    int number = suffix.matches("[1-9][0-9]{0,8}") ? Integer.parseInt(suffix) : 0;
    return number > 1 ? number : 0;
  }

  /**
   * The name of the run's job, from its {@code job.json}; empty if that is missing or unreadable.
   *
   * @throws IOException if storage fails, or access is denied
   */
  public Optional<String> jobName() throws IOException {
    try {
      return JsonMapper.shared().readTree(Files.readString(job())).path("name").stringValueOpt();
    } catch (NoSuchFileException | MalformedInputException | JacksonException e) {
      return Optional.empty();
    }
  }

  public Path path() {
    return path;
  }

  /** The run's name, including its number. */
  public String name() {
    return String.valueOf(path.getFileName());
  }

  public Path logs() {
    return path.resolve("logs");
  }

  /** The output of one worker. */
  public Path rankLog(int rank) {
    return logs().resolve("rank-" + rank + ".log");
  }

  /** The merged output of all workers, each line with its rank. */
  public Path mergedLog() {
    return path.resolve("log.txt");
  }

  public Path checkpoints() {
    return path.resolve("checkpoints");
  }

  /** The job with every default filled in. */
  public Path job() {
    return path.resolve("job.json");
  }

  public Path plan() {
    return path.resolve("plan.json");
  }

  /** The files the run is trained on. */
  public Path data() {
    return path.resolve("data.json");
  }

  /** A copy of the job's tokenizer; there is none for bytes. */
  public Path tokenizer() {
    return path.resolve(Tokenizers.RUN_COPY);
  }

  /**
   * Copies of the files beside the weights that the run starts from, such as a chat template; there
   * is none for initial weights.
   */
  public Path modelFiles() {
    return path.resolve(MODEL_FILES);
  }

  /** The file that the process that runs this run keeps locked. */
  public Path lock() {
    return path.resolve(".lock");
  }

  public Path metrics() {
    return path.resolve("metrics.jsonl");
  }

  /** Timeline of every rank, for chrome://tracing and Perfetto. */
  public Path trace() {
    return path.resolve("trace.json");
  }

  /** Whether the folder still exists; that of a rejected run is deleted. */
  public boolean exists() {
    return Files.isDirectory(path);
  }

  /** Deletes the folder and its contents. */
  public void delete() throws IOException {
    DurableFiles.delete(path);
  }

  @Override
  public String toString() {
    return path.toString();
  }

  private static String numbered(String name, int number) {
    return number == 1 ? name : name + "-" + number;
  }

  private static void checkName(String name) {
    if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]*")) {
      throw new IllegalArgumentException(
          "run name '" + name + "': letters, digits, '.', '_' and '-' only, as it names a folder");
    }
  }
}
