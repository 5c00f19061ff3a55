using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Transports.Claims;

/// <summary>Removes files of claim directories that have lain there for <c>claim-keep</c>.</summary>
/// <remarks>Only names that Postern gives are looked at, and none whose message has still somebody to reach:
/// what was published already may be published again. What cannot be removed stays for the next round.
/// </remarks>
sealed class ClaimSweep(IMailStore store, Func<PosternOptions> current)
{
    /// <summary>Files removed in one round. Ours: what is left is the next one's.</summary>
    internal const int RemovedMax = 1000;

    /// <param name="now">What files' own times are compared with.</param>
    /// <exception cref="IOException">A directory could not be read.</exception>
    public async ValueTask SweepAsync(DateTimeOffset now, CancellationToken cancel)
    {
        var left = RemovedMax;
        foreach (var (directory, keep) in DirectoriesOf(current()))
        {
            if (!Directory.Exists(directory))
                continue;
            foreach (var file in Directory.EnumerateFiles(directory))
            {
                cancel.ThrowIfCancellationRequested();
                if (!TryReadName(Path.GetFileName(file), out var id)
                    || now - new DateTimeOffset(File.GetLastWriteTimeUtc(file)) < keep
                    || await IsQueuedAsync(id, cancel).ConfigureAwait(false))
                    continue;
                NativeFile.TryUnlink(file);
                if (--left == 0)
                    return;
            }
        }
    }

    /// <summary>Those that are swept, each with the longest time that a transport wants.</summary>
    static IEnumerable<(string Directory, TimeSpan Keep)> DirectoriesOf(PosternOptions options) =>
        from transport in options.Transports.Values
        where transport.HasClaimDirectory
        group transport by ClaimDirectory.PathOf(transport, options.Data) into users
        where users.All(static user => user.ClaimKeep is not null)
        select (users.Key, users.Max(static user => user.ClaimKeep!.Value));

    static bool TryReadName(string name, out QueueId id) => ClaimFiles.TryReadName(
        name.EndsWith(ClaimDirectory.Unfinished, StringComparison.Ordinal)
            ? name[..^ClaimDirectory.Unfinished.Length] : name, out id);

    async ValueTask<bool> IsQueuedAsync(QueueId id, CancellationToken cancel) =>
        await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is { } message
        && message.Recipients.Any(static recipient => recipient.State != RecipientState.Done);
}
