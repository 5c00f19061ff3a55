using System.Net;
using System.Net.Sockets;

namespace Postern.Mta.Transports;

/// <summary>A server that keeps mailboxes as the way out, over LMTP (RFC 2033): Dovecot, Cyrus.</summary>
/// <remarks>
/// The wire, the connections that are kept and whom a reply blames are those of <see cref="SmtpTransport"/>.
/// What differs: each recipient has an answer of its own behind the content, there is neither TLS nor login,
/// and what names a recipient is put in front, as a script gets it.
/// </remarks>
public sealed class LmtpTransport : ITransport
{
    const string Alarm = "lmtp";

    readonly LmtpHost host;
    readonly string delimiters;
    readonly SmtpTransport wire;

    /// <param name="ourName">The argument of LHLO.</param>
    /// <param name="delimiters">Characters between user and extension (<c>inbound.delimiter</c>).</param>
    /// <exception cref="ArgumentException">The options do not pass <see cref="FindProblem"/>.</exception>
    public LmtpTransport(
        string name, TransportOptions options, string ourName, string delimiters, IResolver resolver,
        TimeProvider clock)
    {
        if (!LmtpHost.TryParse(options.Host, out var parsed, out var problem))
            throw new ArgumentException(problem, nameof(options));
        Name = name;
        host = parsed;
        this.delimiters = delimiters;
        // The operator chose the host: its address may be any.
        var policy = new AddressPolicy(new HashSet<IPAddress>(), PrivateAddresses.Allowed);
        wire = host.Hop.Socket is { } path
            ? new SmtpTransport(
                name, options, ourName, resolver, policy, clock, (_, _, cancel) => DialAsync(path, cancel))
            : new SmtpTransport(name, options, ourName, resolver, policy, clock);
    }

    public string Name { get; }

    /// <summary>What is wrong with <c>host</c> whatever the machine looks like. Null: nothing.</summary>
    public static string? FindProblem(TransportOptions options) =>
        LmtpHost.TryParse(options.Host, out _, out var problem) ? null : problem;

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var fields = new PipeFacts(attempt, Name, delimiters).FieldsFor(attempt.Recipients);
        var report = await wire.AttemptAsync(
            attempt with
            {
                Message = host.IsHere && attempt.Message.Options is { RequiresTls: true } options
                    ? attempt.Message with { Options = options with { RequiresTls = false } }
                    : attempt.Message,
                Content = new PrefixedContent(fields.ReplaceLineEndings("\r\n"), attempt.Content),
                TakeNext = null,
            },
            cancel).ConfigureAwait(false);
        return FindForbidden() is not { } forbidden ? report : report with
        {
            Results = [.. report.Results.Select(result => result is AttemptResult.NextHopDown down
                ? down with { Alarm = down.Alarm ?? forbidden }
                : result)],
        };
    }

    public ValueTask<TransportFinding> CheckAsync(CancellationToken cancel) => new(
        FindForbidden() is { } forbidden ? new TransportFinding.Wrong(forbidden)
        : host.Hop.Socket is { } path && File.Exists(path) ? new TransportFinding.Well([Alarm])
        : TransportFinding.Nothing);

    public ValueTask DisposeAsync() => wire.DisposeAsync();

    /// <summary>A socket that is there and not for us: an outage it is not. Null: nothing is to be
    /// said.</summary>
    AlarmNotice? FindForbidden() =>
        host.Hop.Socket is { } path && File.Exists(path) && !Posix.IsWritable(path)
            ? new AlarmNotice(
                Alarm, $"{path} may not be written",
                "let the user Postern runs as write to it: mode or group of the listener")
            : null;

    static async ValueTask<Stream> DialAsync(string path, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
