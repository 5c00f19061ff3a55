using System.Diagnostics.CodeAnalysis;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;

namespace Postern.Mta.Transports;

/// <summary>A program in a session of its own, with a pipe to its input and one from its output and
/// errors.</summary>
/// <remarks>
/// <c>System.Diagnostics.Process</c> knows neither sessions nor the reason why a program did not start, and
/// clears no signals. <c>posix_spawn</c> does all three: it makes the session, sets every signal back to its
/// default (the runtime ignores SIGPIPE, and a child would inherit that) and returns the error of
/// <c>execve</c> itself. A wrapper such as setsid(1) would turn that error into an exit code that a script
/// may use as well. Nothing but the two pipes is inherited: the runtime opens everything close-on-exec.
/// </remarks>
sealed class ChildProcess : IDisposable
{
    readonly int process;
    readonly AnonymousPipeServerStream input;
    readonly AnonymousPipeServerStream output;

    ChildProcess(int process, AnonymousPipeServerStream input, AnonymousPipeServerStream output)
    {
        this.process = process;
        this.input = input;
        this.output = output;
        Exited = ChildWatcher.WatchAsync(process);
    }

    /// <summary>To its standard input; closing it is the end of file.</summary>
    public Stream Input => input;

    /// <summary>The wait status, once it has ended.</summary>
    public Task<int> Exited { get; }

    /// <param name="error">The error number where it could not be started.</param>
    public static bool TryStart(
        ChildCommand command, [NotNullWhen(true)] out ChildProcess? child, out int error)
    {
        child = null;
        var input = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.None);
        AnonymousPipeServerStream? output = null;
        try
        {
            output = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
            error = Spawn(command, input, output, out var process);
            if (error == 0)
                child = new ChildProcess(process, input, output);
        }
        finally
        {
            input.DisposeLocalCopyOfClientHandle();
            output?.DisposeLocalCopyOfClientHandle();
            if (child is null)
            {
                input.Dispose();
                output?.Dispose();
            }
        }
        return child is not null;
    }

    /// <summary>Reads output into <paramref name="kept"/> until it is full, and beyond, until the end or the
    /// cancellation.</summary>
    /// <returns>Octets kept.</returns>
    public async Task<int> ReadOutputAsync(Memory<byte> kept, CancellationToken cancel)
    {
        var spill = new byte[4096];
        var length = 0;
        try
        {
            while (true)
            {
                var room = kept.Length > length ? kept[length..] : spill;
                var got = await output.ReadAsync(room, cancel).ConfigureAwait(false);
                if (got == 0)
                    return length;
                if (kept.Length > length)
                    length += got;
            }
        }
        catch (OperationCanceledException)
        {
            return length;
        }
    }

    /// <summary>Reads what lies in the output pipe of an ended child, without waiting for anyone else who
    /// holds it.</summary>
    /// <returns>Octets kept.</returns>
    public unsafe int DrainOutput(Span<byte> kept)
    {
        var descriptor = (int)output.SafePipeHandle.DangerousGetHandle();
        var length = 0;
        while (length < kept.Length)
        {
            var entry = new Posix.PollEntry { Descriptor = descriptor, Events = Posix.PollIn };
            if (Posix.Poll(ref entry, 1, 0) <= 0 || (entry.Returned & Posix.PollIn) == 0)
                break;
            fixed (byte* at = kept[length..])
            {
                var got = (int)Posix.Read(descriptor, at, (nuint)(kept.Length - length));
                if (got <= 0)
                    break;
                length += got;
            }
        }
        return length;
    }

    /// <summary>Kills the whole session's group, unless the child has ended by itself.</summary>
    public void KillGroup() => ChildWatcher.KillGroup(process);

    public void Dispose()
    {
        KillGroup();
        input.Dispose();
        output.Dispose();
    }

    static unsafe int Spawn(
        ChildCommand command, AnonymousPipeServerStream input, AnonymousPipeServerStream output,
        out int process)
    {
        process = 0;
        using var arguments = new NativeStrings(command.Arguments);
        using var environment = new NativeStrings(command.Environment);
        var actions = stackalloc byte[Posix.OpaqueOctets];
        var error = Posix.InitActions(actions);
        if (error != 0)
            return error;
        try
        {
            var readEnd = (int)input.ClientSafePipeHandle.DangerousGetHandle();
            var writeEnd = (int)output.ClientSafePipeHandle.DangerousGetHandle();
            error = Posix.AddDuplicate(actions, readEnd, 0);
            if (error == 0)
                error = Posix.AddDuplicate(actions, writeEnd, 1);
            if (error == 0)
                error = Posix.AddDuplicate(actions, writeEnd, 2);
            if (error == 0 && command.Directory is { } directory)
                error = Posix.AddChangeDirectory(actions, directory);
            return error != 0 ? error : Posix.Spawn(
                out process, command.Program, actions, SpawnAttributes.Value, arguments.Pointers,
                environment.Pointers);
        }
        finally
        {
            _ = Posix.DestroyActions(actions);
        }
    }

    /// <summary>Made once and only read afterwards.</summary>
    static unsafe class SpawnAttributes
    {
        const short Flags = Posix.SpawnSetSession | Posix.SpawnSetSignalDefault | Posix.SpawnSetSignalMask;

        public static readonly void* Value = Make();

        static void* Make()
        {
            var attributes = NativeMemory.AllocZeroed(Posix.OpaqueOctets);
            var signals = stackalloc byte[Posix.OpaqueOctets];
            if (Posix.InitAttributes(attributes) != 0
                || Posix.EmptySignals(signals) != 0
                || Posix.SetSignalMask(attributes, signals) != 0
                || Posix.FillSignals(signals) != 0
                || Posix.SetSignalDefault(attributes, signals) != 0
                || Posix.SetFlags(attributes, Flags) != 0)
                throw new InvalidOperationException("posix_spawn knows no sessions here.");
            return attributes;
        }
    }

    /// <summary>A null-ended array of C strings.</summary>
    sealed unsafe class NativeStrings : IDisposable
    {
        readonly void* memory;

        public NativeStrings(IReadOnlyList<string> texts)
        {
            var head = (texts.Count + 1) * sizeof(byte*);
            memory = NativeMemory.AllocZeroed(
                (nuint)(head + texts.Sum(text => Encoding.UTF8.GetByteCount(text) + 1)));
            Pointers = (byte**)memory;
            var at = (byte*)memory + head;
            for (var i = 0; i < texts.Count; i++)
            {
                Pointers[i] = at;
                var length = Encoding.UTF8.GetByteCount(texts[i]);
                at += Encoding.UTF8.GetBytes(texts[i], new Span<byte>(at, length)) + 1;
            }
        }

        public byte** Pointers { get; }

        public void Dispose() => NativeMemory.Free(memory);
    }
}

/// <summary>What to start: a program by its path, its arguments (the first is its name), its whole
/// environment.</summary>
/// <param name="Directory">Where it starts. Null: where we are.</param>
sealed record ChildCommand(
    string Program, IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment, string? Directory);

/// <summary>Waits for all children at once: each SIGCHLD asks after every one that is running.</summary>
/// <remarks>No thread waits for a child. A child is reaped, and its number free for others, only under the
/// lock.</remarks>
static class ChildWatcher
{
    static readonly Lock Gate = new();
    static readonly Dictionary<int, TaskCompletionSource<int>> Running = [];
    static readonly PosixSignalRegistration Signal =
        PosixSignalRegistration.Create((PosixSignal)Posix.SignalChild, static _ => ReapAll());

    public static Task<int> WatchAsync(int process)
    {
        GC.KeepAlive(Signal);
        var ended = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (Gate)
        {
            Running.Add(process, ended);
            // It may have ended before it stood in the table: that signal found nothing.
            Reap(process, ended);
        }
        return ended.Task;
    }

    public static void KillGroup(int process)
    {
        lock (Gate)
        {
            if (Running.ContainsKey(process))
                Posix.Kill(-process, Posix.SignalKill);
        }
    }

    static void ReapAll()
    {
        lock (Gate)
        {
            foreach (var (process, ended) in Running)
                Reap(process, ended);
        }
    }

    static void Reap(int process, TaskCompletionSource<int> ended)
    {
        int got, status;
        do
            got = Posix.Wait(process, out status, Posix.WaitNoHang);
        while (got < 0 && Marshal.GetLastPInvokeError() == Posix.ErrorInterrupted);
        if (got == 0)
            return;
        // Dictionary<,> allows removal while it is enumerated.
        Running.Remove(process);
        // Somebody else reaped it: how it ended is unknown, which a signal that does not exist stands for.
        ended.SetResult(got > 0 ? status : ChildStatus.Lost);
    }
}

/// <summary>Reads a wait status.</summary>
static class ChildStatus
{
    public const int Lost = 0x7e;

    /// <summary>The signal that ended it. 0: it ended by itself.</summary>
    public static int SignalOf(int status) => status & 0x7f;

    public static int ExitCodeOf(int status) => (status >> 8) & 0xff;
}
