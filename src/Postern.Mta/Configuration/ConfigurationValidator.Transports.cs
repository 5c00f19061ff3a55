using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Forward;
using Postern.Smtp;

namespace Postern.Mta.Configuration;

sealed partial class ConfigurationValidator
{
    void CheckTransport(string path, string name, TransportOptions transport)
    {
        if (name.Length is 0 or > 64
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            at.Error(path, "a transport's name has 1 to 64 letters, digits, dots, hyphens or underscores");
        if (transport.Timeout is { } timeout)
            CheckPositive($"{path}.timeout", timeout);
        if (!at.Has($"{path}.kind"))
            return;
        CheckClaims(path, transport);
        switch (transport.Kind)
        {
            case TransportKind.Smtp:
                CheckSmtp(path, transport);
                CheckReturnPath(path, transport);
                CheckHooks(path, transport);
                break;
            case TransportKind.Pipe:
                CheckPipe(path, transport);
                break;
            case TransportKind.Pubsub:
                CheckPubSub(path, transport);
                break;
            case TransportKind.Redis or TransportKind.Nats or TransportKind.Rabbitmq or TransportKind.Kafka:
                CheckBroker(path, transport);
                CheckBrokerTarget(path, transport);
                break;
            case TransportKind.Mailgun:
                CheckMailgun(path, transport);
                CheckHooks(path, transport);
                break;
            case TransportKind.Maildir:
                CheckMaildir(path, transport);
                break;
            case TransportKind.Lmtp:
                CheckLmtp(path, transport);
                break;
            case TransportKind.Webhook:
                CheckWebhook(path, transport);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    void CheckSmtp(string path, TransportOptions transport)
    {
        var isLoopback = transport.Host is not null;
        foreach (var hop in transport.Host?.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            if (MendOfHop(hop, out var host) is { } mend)
                at.Error($"{path}.host", mend);
            isLoopback &= host == "localhost"
                || (Network.TryParseAddress(host, out var ip) && IPAddress.IsLoopback(ip));
        }
        CheckNotEmpty($"{path}.ports", transport.Ports);
        CheckAuthority(path, transport);
        if (transport.Login is not { Value: var login })
            return;
        if (login.IndexOf(':', StringComparison.Ordinal) is < 1
            || login.Contains('\n', StringComparison.Ordinal))
            at.Error($"{path}.login", "must hold one line, user:password");
        if (transport.Host is null)
            at.Error($"{path}.login",
                "a login needs a host; it is never shown to whatever host an MX record names");
        else if (transport.Tls is TransportTls.None or TransportTls.Opportunistic && !isLoopback)
            at.Error(
                $"{path}.tls",
                "a login off loopback needs tls = \"required\" or \"immediate\"; the password would be "
                + "readable on the way");
    }

    /// <summary>
    /// What is wrong with a next hop in the syntax of Postfix's relayhost; null when it is right.
    /// </summary>
    static string? MendOfHop(string hop, out string host)
    {
        var isBracketed = hop.StartsWith('[');
        var end = isBracketed ? hop.IndexOf(']', StringComparison.Ordinal)
            : hop.IndexOf(':', StringComparison.Ordinal) - 1;
        host = isBracketed && end > 0 ? hop[1..end] : end >= 0 ? hop[..(end + 1)] : hop;
        if (isBracketed && end < 0)
            return $"\"{hop}\" has no closing bracket; write \"[{host.TrimStart('[')}]:587\"";
        var rest = end < -1 ? "" : hop[(end + 1)..];
        if (!isBracketed && end < 0)
            rest = "";
        if (Network.TryParseAddress(isBracketed ? host : hop, out _)
            || (!isBracketed && Network.TryParseAddress(host, out _)))
        {
            if (!isBracketed)
                return $"an address needs brackets; write \"[{host}]{rest}\"";
        }
        else if (!HostName.IsValid(host))
            return $"\"{host}\" is no host name; write \"[smtp.example.net]:587\" or \"example.net\"";
        var hasPort = rest.StartsWith(':')
            && ushort.TryParse(rest.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
                && port > 0;
        return rest.Length == 0 || hasPort ? null
            : $"\"{rest.TrimStart(':')}\" is no port; write \":587\" after the host";
    }

    void CheckAuthority(string path, TransportOptions transport)
    {
        if (transport.Ca is { Value: var pem } && !HoldsCertificates(pem))
            at.Error($"{path}.ca", "holds no PEM certificate");
    }

    static bool HoldsCertificates(string pem)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return false;
        }
        foreach (var certificate in certificates)
            certificate.Dispose();
        return certificates.Count > 0;
    }

    void CheckReturnPath(string path, TransportOptions transport)
    {
        if (transport.ReturnPath != "keep"
            && (!Mailbox.TryParse(transport.ReturnPath, out var mailbox) || mailbox.Domain.Length == 0))
            at.Error($"{path}.return-path", "must be \"keep\" or an address such as \"bounces@example.org\"");
    }

    void CheckPipe(string path, TransportOptions transport)
    {
        CheckPositive($"{path}.time-limit", transport.TimeLimit);
        if (!at.Has($"{path}.argv"))
            return;
        if (transport.Argv.Count == 0)
        {
            if (!HasItems($"{path}.argv"))
                at.Error($"{path}.argv",
                    "names no program; write argv = [\"/usr/local/bin/on-mail\", \"${recipient}\"]");
            return;
        }
        if (!transport.Argv[0].StartsWith('/'))
            at.Error(Reading.Item($"{path}.argv", 0),
                $"\"{transport.Argv[0]}\": the program is named by its whole path, "
                + "\"/usr/local/bin/...\"; there is no shell");
        for (var i = 0; i < transport.Argv.Count; i++)
            if (transport.Argv[i].Contains('\0', StringComparison.Ordinal))
                at.Error(Reading.Item($"{path}.argv", i), "an argument cannot hold a NUL");
    }

    void CheckMaildir(string path, TransportOptions transport)
    {
        var isTold = transport.Directory is null && at.Has($"{path}.directory");
        if (!isTold && MaildirTransport.FindProblem(transport) is { } mend)
            at.Error($"{path}.directory", mend);
    }

    void CheckLmtp(string path, TransportOptions transport)
    {
        var isTold = transport.Host is null && at.Has($"{path}.host");
        if (!isTold && LmtpTransport.FindProblem(transport) is { } mend)
            at.Error($"{path}.host", mend);
    }

    void CheckWebhook(string path, TransportOptions transport)
    {
        CheckOneWord($"{path}.key", transport.Key);
        // What is missing or could not be read has been told.
        if (WebhookTransport.FindProblem(transport) is var (key, mend)
            && (key == "url" ? transport.Url is not null : transport.Key is not null))
            at.Error($"{path}.{key}", mend);
    }

    void CheckPubSub(string path, TransportOptions transport)
    {
        if (transport.Topic is not { } topic)
            return;
        var parts = topic.Split('/');
        if (parts is not ["projects", { Length: > 0 }, "topics", { Length: >= 3 and <= 255 }]
            || !topic.All(
                c => char.IsAsciiLetterOrDigit(c) || "/-._~%+:".Contains(c, StringComparison.Ordinal)))
            at.Error($"{path}.topic", $"\"{topic}\" is no topic; write \"projects/PROJECT/topics/TOPIC\"");
    }

    void CheckMailgun(string path, TransportOptions transport)
    {
        if (transport.Domain is { } domain && !HostName.IsValid(domain))
            at.Error($"{path}.domain", $"\"{domain}\" is no domain; write \"mg.example.org\"");
        if (transport.Region is not ("us" or "eu"))
            at.Error($"{path}.region", Kinds.WrongWord(transport.Region, ["us", "eu"]));
        if (transport.Host is { } host && MendOfHop(host, out _) is { } mend)
            at.Error($"{path}.host", mend);
        CheckAuthority(path, transport);
        CheckOneWord($"{path}.key", transport.Key);
        if (transport.PollEvents is { } interval)
            CheckPositive($"{path}.poll-events", interval);
    }

    void CheckHooks(string path, TransportOptions transport)
    {
        CheckOneWord($"{path}.signing-key", transport.SigningKey);
        CheckOneWord($"{path}.hook-secret", transport.HookSecret);
        if (transport.HookSecret is { Value: var part } && part.AsSpan().IndexOfAny("/?#%") >= 0)
            at.Error($"{path}.hook-secret", "is one part of a path: letters, digits, - and _");
        if (transport.HookSecret is not null && transport.SigningKey is null)
            at.Error($"{path}.hook-secret", "has no effect without signing-key");
    }

    void CheckOneWord(string path, Secret? secret)
    {
        if (secret is { Value: var word } && (word.Length == 0 || word.Any(c => c is <= ' ' or > '~')))
            at.Error(path, "must hold one line, the key alone");
    }
}
