using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>Mailgun's SMTP relay on a loopback port, with the replies that are on record of the real
/// one.</summary>
/// <remarks>AUTH is offered before TLS, there are no enhanced codes, and <c>250 Great success</c> names no
/// id. What it takes is the double's; one of <see cref="Faults"/> for each message, in order.</remarks>
sealed class MailgunSmtp : IAsyncDisposable
{
    public const string Login = "postmaster@mg.test:smtp-password";

    static readonly string Credentials =
        Convert.ToBase64String(Encoding.UTF8.GetBytes("\0" + Login.Replace(':', '\0')));

    readonly MailgunDouble mailgun;
    readonly X509Certificate2 certificate;
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource stop = new();
    readonly Task accepting;

    public MailgunSmtp(MailgunDouble mailgun)
    {
        this.mailgun = mailgun;
        certificate = X509Certificate2.CreateFromPemFile(mailgun.CertificateFile, mailgun.KeyFile);
        listener.Start(512);
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        accepting = AcceptAsync();
    }

    public int Port { get; }

    public ConcurrentQueue<MailgunSmtpFault> Faults { get; } = new();

    /// <summary>A login came before TLS: the password is known to everybody.</summary>
    public bool SawPasswordInClear { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
        certificate.Dispose();
    }

    async Task AcceptAsync()
    {
        var sessions = new List<Task>();
        try
        {
            while (true)
                sessions.Add(ServeAsync(await listener.AcceptTcpClientAsync(stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(sessions);
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await SayAsync(client.GetStream(), "220 Mailgun Influx ready");
                if (!await GreetAsync(client.GetStream()))
                    return;
                await using var secured = new SslStream(client.GetStream());
                await secured.AuthenticateAsServerAsync(
                    new SslServerAuthenticationOptions { ServerCertificate = certificate }, stop.Token);
                await ConverseAsync(secured);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client is gone, or this one.
            }
        }
    }

    /// <summary>Up to STARTTLS. False: it did not come to that.</summary>
    async Task<bool> GreetAsync(NetworkStream stream)
    {
        var reader = new SinkReader(stream, stop.Token);
        while (await reader.ReadLineAsync() is { } line)
        {
            switch (VerbOf(line))
            {
                case "EHLO":
                    await SayAsync(stream, Extensions + "\r\n250 STARTTLS");
                    break;
                case "STARTTLS":
                    await SayAsync(stream, "220 Go ahead");
                    return true;
                case "AUTH":
                    SawPasswordInClear = true;
                    await SayAsync(stream, "535 Authentication failed");
                    return false;
                case "QUIT":
                    await SayAsync(stream, "221 See you later. Yours truly, Mailgun");
                    return false;
                default:
                    await SayAsync(stream, "503 Issue EHLO/HELO before sending mail");
                    break;
            }
        }
        return false;
    }

    const string Extensions =
        "250-4e119dd77b0c\r\n250-AUTH PLAIN LOGIN\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-SMTPUTF8"
        + "\r\n250-PIPELINING";

    async Task ConverseAsync(SslStream stream)
    {
        var reader = new SinkReader(stream, stop.Token);
        var recipients = new List<string>();
        while (await reader.ReadLineAsync() is { } line)
        {
            switch (VerbOf(line))
            {
                case "EHLO":
                    await SayAsync(stream, Extensions.Replace("250-PIPELINING", "250 PIPELINING"));
                    break;
                case "AUTH" when Takes<MailgunSmtpFault.BadLogin>():
                case "AUTH" when line.Split(' ')[^1] != Credentials:
                    await SayAsync(stream, "535 Authentication failed");
                    return;
                case "AUTH":
                    await SayAsync(stream, "235 2.0.0 OK");
                    break;
                case "MAIL" when Takes<MailgunSmtpFault.Throttle>():
                    await SayAsync(stream,
                        $"421 Domain {MailgunDouble.Domain} is not allowed to send: request limit exceeded");
                    return;
                case "MAIL":
                    recipients.Clear();
                    await SayAsync(stream, "250 Sender address accepted");
                    break;
                case "RCPT":
                    recipients.Add(line[(line.IndexOf('<') + 1)..line.IndexOf('>')]);
                    await SayAsync(stream, "250 Recipient address accepted");
                    break;
                case "DATA":
                    if (!await TakeAsync(stream, reader, recipients))
                        return;
                    break;
                case "QUIT":
                    await SayAsync(stream, "221 See you later. Yours truly, Mailgun");
                    return;
                default:
                    await SayAsync(stream, "250 Ok");
                    break;
            }
        }
    }

    /// <summary>False: the connection ends here.</summary>
    async Task<bool> TakeAsync(SslStream stream, SinkReader reader, List<string> recipients)
    {
        await SayAsync(stream, "354 Continue");
        using var content = new MemoryStream();
        await reader.ReadContentAsync(content);
        if (Takes<MailgunSmtpFault.Trouble>())
        {
            await SayAsync(stream, "451 Temporary local problem - please try later");
            return true;
        }
        mailgun.Take([.. recipients], content.ToArray());
        if (Takes<MailgunSmtpFault.LostReply>())
            return false;
        await SayAsync(stream, "250 Great success");
        // A refused login needs a session of its own, and the next one may be about no more than the last
        // message.
        return !(Faults.TryPeek(out var next) && next is MailgunSmtpFault.BadLogin);
    }

    /// <summary>The next fault is of this kind, and is spent.</summary>
    bool Takes<T>() where T : MailgunSmtpFault
    {
        lock (Faults)
            return Faults.TryPeek(out var next) && next is T && Faults.TryDequeue(out _);
    }

    static string VerbOf(string line) => line.Split(' ', ':')[0].ToUpperInvariant();

    async Task SayAsync(Stream stream, string reply) =>
        await stream.WriteAsync(Encoding.ASCII.GetBytes(reply + "\r\n"), stop.Token);
}

/// <summary>What it does wrong, once.</summary>
abstract record MailgunSmtpFault
{
    public sealed record BadLogin : MailgunSmtpFault;

    public sealed record Throttle : MailgunSmtpFault;

    public sealed record Trouble : MailgunSmtpFault;

    /// <summary>Takes the message, and closes instead of an answer.</summary>
    public sealed record LostReply : MailgunSmtpFault;
}
