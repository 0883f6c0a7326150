package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the {@code gyre} script builds and starts, with a Maven and a Java that only tell how they
 * were called.
 */
final class LauncherScriptTest {
  private static final String TORCH = "kernels-torch/target/classes:libtorch.jar";
  private static final String TORCH_GPU = "kernels-torch/target/classes:libtorch-gpu.jar";

  @TempDir private Path home;

  @BeforeEach
  void install() throws IOException {
    Files.copy(Path.of(System.getProperty("gyre.home"), "gyre"), home.resolve("gyre"));
    script("jdk/bin/javac", "echo javac 25.0.1");
    script("jdk/bin/java", "echo \"java $*\"");
    script(
        "mvnw",
        """
        echo "maven $*" >> calls
        mkdir -p deploy/target worker/kernels-torch/target
        echo deploy.jar > deploy/target/classpath.txt
        case "$*" in
          *gpu*) echo libtorch-gpu.jar > worker/kernels-torch/target/classpath-gpu.txt ;;
          *torch*) echo libtorch.jar > worker/kernels-torch/target/classpath.txt ;;
        esac""");
    file("worker/kernels-torch/pom.xml", "<pytorch.version>9.8-7</pytorch.version>\n");
    file("deploy/src/main/App.java", "");
  }

  private void file(String name, String text) throws IOException {
    Files.createDirectories(home.resolve(name).getParent());
    Files.writeString(home.resolve(name), text);
  }

  private void script(String name, String body) throws IOException {
    file(name, "#!/bin/sh\n" + body + "\n");
    assertTrue(home.resolve(name).toFile().setExecutable(true));
  }

  /** What the script and those it calls print. */
  private String gyre(String... arguments) throws Exception {
    return run(home.resolve("gyre"), arguments);
  }

  private String run(Path script, String... arguments) throws Exception {
    List<String> line = new ArrayList<>(List.of("/bin/sh", script.toString()));
    line.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(line).directory(home.toFile()).redirectErrorStream(true);
    builder.environment().put("JAVA_HOME", home.resolve("jdk").toString());
    builder.environment().put("HOME", home.toString());
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  private List<String> builds() throws IOException {
    Path calls = home.resolve("calls");
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  private void assertWithout(String... arguments) throws Exception {
    String output = gyre(arguments);
    assertTrue(output.contains("deploy/target/classes:deploy.jar "), output);
    assertFalse(output.contains("libtorch"), output);
    assertEquals(List.of(), builds().stream().filter(b -> b.contains("torch")).toList());
  }

  private void assertWith(String classPath, String profiles, String... arguments) throws Exception {
    String output = gyre(arguments);
    assertTrue(output.contains(classPath + " "), output);
    assertTrue(output.contains("deploy/target/classes:deploy.jar:"), output);
    String build = builds().getLast();
    assertTrue(build.contains("-P" + profiles + " -pl deploy,worker/kernels-torch "), build);
  }

  @Test
  void otherJobsNeverMeetLibtorch() throws Exception {
    file("job.yaml", "name: torch\nbackend: onednn # not torch\n");
    assertWithout("train");
    assertWithout("train", "job.yaml", "--name", "torch");
    assertWithout("train", "--backend", "vector");
    assertWithout("generate", "torch", "text");
    assertEquals(1, builds().size(), "nothing has changed since the first");
  }

  @Test
  void aLinkToItIsFollowed() throws Exception {
    Path script = home.resolve("gyre");
    Path elsewhere = Files.createDirectory(home.resolve("bin")).resolve("gyre");
    Files.createSymbolicLink(elsewhere, script);
    assertTrue(run(elsewhere, "train").contains("-Dgyre.home=" + home.toRealPath() + " "));
  }

  @Test
  void askedForOnTheCommandLine() throws Exception {
    assertWith(TORCH, "quick,torch", "train", "--backend", "torch");
    assertWith(TORCH, "quick,torch", "train", "--backend=torch");
    assertWith(TORCH, "quick,torch", "train", "job.yaml", "--set", "backend=torch");
    assertWith(TORCH, "quick,torch", "golden", "dir", "--set=backend=torch");
    assertEquals(1, builds().size());
  }

  @Test
  void askedForByAFile() throws Exception {
    file("job.yaml", "name: x\nbackend: 'torch'\n");
    file("plan.json", "{\n  \"backend\" : \"torch\",\n  \"device\" : \"cpu\"\n}\n");
    assertWith(TORCH, "quick,torch", "train", "job.yaml");
    assertWith(TORCH, "quick,torch", "train", "--plan", "plan.json");
    assertWith(TORCH, "quick,torch", "train", "--plan=plan.json");
    file("line.json", "{\"name\": \"x\", \"backend\": \"torch\"}");
    assertWith(TORCH, "quick,torch", "train", "line.json");
    file("flow.yaml", "{name: x, backend: torch}\n");
    assertWith(TORCH, "quick,torch", "train", "flow.yaml");
    String output = gyre("train", "job.yaml", "--backend", "onednn");
    assertFalse(output.contains("libtorch.jar"), "the command line counts before the file");
  }

  @Test
  void aGpuNeedsTheOtherBuild() throws Exception {
    assertWith(TORCH_GPU, "quick,gpu", "train", "--backend", "torch", "--device", "cuda:0");
    file("job.yaml", "backend: torch\ndevice: cuda:1\n");
    assertWith(TORCH_GPU, "quick,gpu", "train", "job.yaml");
    assertWith(TORCH, "quick,torch", "train", "job.yaml", "--device", "cpu");
  }

  @Test
  void saysWhatItDownloadsOnce() throws Exception {
    String first = gyre("train", "--backend", "torch");
    assertTrue(first.contains("downloading libtorch 9.8-7, about 110 MB, once"), first);
    file(".m2/repository/org/bytedeco/pytorch/9.8-7/pytorch-9.8-7-linux-x86_64.jar", "");
    assertFalse(gyre("train", "--backend", "torch").contains("downloading"));
    String gpu = gyre("train", "--backend", "torch", "--set", "device=cuda:0");
    assertTrue(gpu.contains("downloading libtorch 9.8-7-gpu, about 480 MB, once"), gpu);
  }

  @Test
  void testsRunWithIt() throws Exception {
    gyre("test", "-Dtest=SomeTest");
    assertEquals(List.of("maven -B -ntp -Ptorch verify -Dtest=SomeTest"), builds());
  }
}
