package dev.gyre.kernels.torch;

import dev.gyre.kernels.Device;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch_cuda;
import org.jspecify.annotations.Nullable;

/**
 * Queues of a GPU: the stream on which libtorch launches kernels, and one copy stream per
 * direction. Each process that shares the GPU has its own.
 */
final class CudaLanes implements Lanes {
  private final Device device;

  /**
   * Null is CUDA's default stream, on which libtorch launches kernels unless configured otherwise.
   */
  private final @Nullable CUstream_st compute;

  private final CUstream_st uploads;
  private final CUstream_st downloads;
  private final List<CUevent_st> events = new ArrayList<>();
  private int recorded;
  private final List<Pointer> hostMemory = new ArrayList<>();
  private final List<Pointer> deviceMemory = new ArrayList<>();
  private final Address from = new Address();
  private final Address to = new Address();

  /**
   * @throws TorchException if a CUDA call fails
   */
  CudaLanes(Device device) {
    this.device = device;
    select();
    try (CUDAStream current = torch_cuda.getCurrentCUDAStream((byte) device.index())) {
      this.compute = current.stream();
    }
    this.uploads = copies();
    this.downloads = copies();
  }

  /**
   * Creates a non-blocking stream, because libtorch uses the default stream, which synchronises
   * with blocking ones.
   */
  private static CUstream_st copies() {
    CUstream_st stream = new CUstream_st();
    Gpu.check(
        cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking), "a copy stream");
    return stream;
  }

  /**
   * Selects the device of the calling thread, for which CUDA creates memory, streams and events.
   */
  private void select() {
    Gpu.check(cudart.cudaSetDevice(device.index()), "selecting " + device);
  }

  /**
   * The stream of a lane. The default stream is that of the calling thread's device, so the device
   * is selected first.
   */
  private @Nullable CUstream_st stream(Lane lane) {
    return switch (lane) {
      case UPLOAD -> uploads;
      case COMPUTE -> {
        select();
        yield compute;
      }
      case DOWNLOAD -> downloads;
    };
  }

  @Override
  @SuppressWarnings("restricted") // the memory just allocated
  public long pageLocked(long bytes) {
    select();
    try (PointerPointer<Pointer> at = new PointerPointer<>(1)) {
      Gpu.check(
          cudart.cudaHostAlloc(at, Math.max(1, bytes), cudart.cudaHostAllocDefault),
          "%d bytes of page-locked memory for %s".formatted(bytes, device));
      Pointer memory = at.get();
      hostMemory.add(memory);
      MemorySegment.ofAddress(memory.address()).reinterpret(bytes).fill((byte) 0);
      return memory.address();
    }
  }

  @Override
  public long onDevice(long bytes) {
    select();
    try (PointerPointer<Pointer> at = new PointerPointer<>(1)) {
      Gpu.check(
          cudart.cudaMalloc(at, Math.max(1, bytes)),
          "%d bytes of memory on %s".formatted(bytes, device));
      Pointer memory = at.get();
      deviceMemory.add(memory);
      return memory.address();
    }
  }

  @Override
  public void upload(long host, long device, long bytes) {
    copy(host, device, bytes, cudart.cudaMemcpyHostToDevice, Lane.UPLOAD);
  }

  @Override
  public void download(long device, long host, long bytes) {
    copy(device, host, bytes, cudart.cudaMemcpyDeviceToHost, Lane.DOWNLOAD);
  }

  private void copy(long source, long target, long bytes, int kind, Lane lane) {
    Gpu.check(
        cudart.cudaMemcpyAsync(to.at(target), from.at(source), bytes, kind, stream(lane)),
        "%s of %d bytes, %s".formatted(lane, bytes, device));
  }

  @Override
  public int record(Lane lane) {
    if (recorded == events.size()) {
      select();
      CUevent_st event = new CUevent_st();
      Gpu.check(cudart.cudaEventCreateWithFlags(event, cudart.cudaEventDisableTiming), "an event");
      events.add(event);
    }
    Gpu.check(cudart.cudaEventRecord(events.get(recorded), stream(lane)), "recording an event");
    return recorded++;
  }

  @Override
  public void waitFor(Lane lane, int event) {
    Gpu.check(
        cudart.cudaStreamWaitEvent(stream(lane), events.get(event), 0), "waiting for an event");
  }

  @Override
  public void await(int event) {
    Gpu.check(cudart.cudaEventSynchronize(events.get(event)), "work on " + device);
  }

  @Override
  public void drain() {
    for (Lane lane : Lane.values()) {
      Gpu.check(cudart.cudaStreamSynchronize(stream(lane)), "work on " + device);
    }
    recorded = 0;
  }

  @Override
  public void close() {
    for (CUevent_st event : events) {
      Gpu.check(cudart.cudaEventDestroy(event), "freeing an event");
    }
    Gpu.check(cudart.cudaStreamDestroy(uploads), "freeing a stream");
    Gpu.check(cudart.cudaStreamDestroy(downloads), "freeing a stream");
    for (Pointer memory : deviceMemory) {
      Gpu.check(cudart.cudaFree(memory), "freeing device memory");
    }
    for (Pointer memory : hostMemory) {
      Gpu.check(cudart.cudaFreeHost(memory), "freeing page-locked memory");
    }
  }
}
