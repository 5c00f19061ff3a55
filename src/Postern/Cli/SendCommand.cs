using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Postern.Mta.Configuration;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Cli;

/// <summary><c>postern send</c>: a mail over SMTP to a server, as any program would send it.</summary>
static class SendCommand
{
    static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(SendRequest request, CancellationToken cancel)
    {
        var envelope = EnvelopeOf(request);
        var (host, port) = ServerOf(request.Smtp);
        var options = OptionsOf(request, host);
        var content = await MailContent.ReadAsync(request, cancel);
        var stream = await ConnectAsync(request.Smtp, host, port, cancel);
        var isLoopback = IsLoopback(stream.Socket);
        options = options with { Tls = TlsOf(request, port, isLoopback), AllowLoginInClear = isLoopback };
        var opened = await SmtpClientConnection.OpenAsync(stream, options, TimeProvider.System, cancel);
        if (opened is not OpenResult.Ready { Connection: var connection })
            throw SendFailure.Of(opened, request.Smtp);
        var message = new OutgoingMessage(envelope, content);
        await using (connection)
            return Report(await connection.SendAsync(message, next: null, cancel));
    }

    static Envelope EnvelopeOf(SendRequest request) => new(
        new ReversePath(request.From == "<>" ? null : MailboxOf(request.From)),
        MailParameters.None,
        [
            .. request.To.Select(
                to => new EnvelopeRecipient(new ForwardPath(MailboxOf(to)), RcptParameters.None)),
        ]);

    // RFC 5321 §2.3.5: postmaster is the one name that may stand without a domain.
    static Mailbox MailboxOf(string text) => Mailbox.TryParse(text, out var mailbox)
        && (mailbox.Domain.Length > 0 || text.Equals("postmaster", StringComparison.OrdinalIgnoreCase))
        ? mailbox
        : throw new CommandException(ExitCode.Usage, $"{text} is no address", "write user@domain");

    /// <summary><c>host:port</c>, <c>address:port</c>, <c>[address]:port</c>.</summary>
    internal static (string Host, int Port) ServerOf(string text)
    {
        var colon = Math.Max(0, text.LastIndexOf(':'));
        var host = text[..colon].TrimStart('[').TrimEnd(']');
        return Uri.CheckHostName(host) != UriHostNameType.Unknown
            && ushort.TryParse(
                text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port > 0
            ? (host, port)
            : throw new CommandException(
                ExitCode.Usage, $"--smtp {text}: not a host with a port",
                "as in 127.0.0.1:2525 or mail.example.org:587");
    }

    static SmtpClientOptions OptionsOf(SendRequest request, string host) => new()
    {
        HeloName = "localhost",
        RelayName = host,
        Login = LoginOf(request),
        Authorities = AuthoritiesOf(request),
    };

    static ClientLogin? LoginOf(SendRequest request)
    {
        if (request.User is null != request.Password is null)
            throw new CommandException(
                ExitCode.Usage, "--user and --password go together",
                "as in --user shop --password file:/path");
        return request.User is { } user
            ? new ClientLogin(user, ReadReference("--password", request.Password!, SecretReach.Owner))
            : null;
    }

    static X509Certificate2Collection? AuthoritiesOf(SendRequest request)
    {
        if (request.Ca is null)
            return null;
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(ReadReference("--ca", request.Ca, SecretReach.Anybody));
        }
        catch (CryptographicException)
        {
            // Nothing was added, which is told below.
        }
        return authorities.Count > 0
            ? authorities
            : throw new CommandException(
                ExitCode.Configuration, $"--ca {request.Ca}: there is no PEM certificate in it");
    }

    /// <summary>A value by reference: a command line is for everybody to read.</summary>
    static string ReadReference(string option, string reference, SecretReach reach)
    {
        if (!SecretReader.IsReference(reference))
            throw new CommandException(
                ExitCode.Usage, $"{option} takes a reference, never the value itself",
                "write file:/path or env:NAME");
        var secret = SecretReader.Read(
            reference, Environment.CurrentDirectory, new ConfigurationSurroundings(), reach, out var mend);
        return secret?.Value ?? throw new CommandException(ExitCode.Configuration, $"{option}: {mend}");
    }

    static async Task<NetworkStream> ConnectAsync(
        string server, string host, int port, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ConnectMax, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, either.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            var reason = e is SocketException ? e.Message : "Connection timed out";
            throw new CommandException(
                ExitCode.Unavailable, $"{server}: {reason}",
                "see that a server listens there; start Postern with: postern serve");
        }
    }

    static bool IsLoopback(Socket socket)
    {
        var address = ((IPEndPoint)socket.RemoteEndPoint!).Address;
        return IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
    }

    /// <summary>
    /// What was asked for; else off loopback what the server offers, with a login never without a proven
    /// name, and on loopback only what a login needs.
    /// </summary>
    internal static TlsMode TlsOf(SendRequest request, int port, bool isLoopback) => request.Tls switch
    {
        SendRequest.NoTls => TlsMode.None,
        SendRequest.StartTls => TlsMode.Required,
        SendRequest.ImmediateTls => TlsMode.Immediate,
        null when port == NextHop.SubmissionsPort => TlsMode.Immediate,
        null when request.Ca is not null => TlsMode.Required,
        null when request.User is not null && !isLoopback => TlsMode.Required,
        null => isLoopback && request.User is null ? TlsMode.None : TlsMode.Opportunistic,
        _ => throw new UnreachableException(),
    };

    /// <summary>
    /// Prints the reply to a mail that was taken, and a line for each recipient that was not.
    /// </summary>
    static int Report(TransactionResult result)
    {
        if (result is not TransactionResult.Completed { FinalReply: { IsPositive: true } reply } done)
            throw SendFailure.Of(result);
        Console.Out.WriteLine(Output.Clean(reply.ToString()));
        var refused = done.Recipients.Where(recipient => !recipient.IsAccepted).ToList();
        return refused.Count == 0
            ? ExitCode.Ok
            : throw SendFailure.Of(refused, "the others have the mail");
    }
}

/// <summary>The command line of <c>postern send</c>.</summary>
/// <param name="Smtp">Host and port of the server.</param>
/// <param name="From">An address, or <c>&lt;&gt;</c>.</param>
/// <param name="Body">Null: standard input.</param>
sealed record SendRequest(
    string Smtp, string From, IReadOnlyList<string> To, string Subject, string? Body)
{
    public const string NoTls = "none";
    public const string StartTls = "starttls";
    public const string ImmediateTls = "immediate";

    /// <summary>
    /// A file with the whole message, or <c>-</c> for standard input. Null: it is composed.
    /// </summary>
    public string? Message { get; init; }

    /// <summary>One of the words above. Null: what fits the server.</summary>
    public string? Tls { get; init; }

    /// <summary>Null: no login.</summary>
    public string? User { get; init; }

    /// <summary>By reference.</summary>
    public string? Password { get; init; }

    /// <summary>Roots to trust, PEM, by reference. Null: the system's.</summary>
    public string? Ca { get; init; }
}
