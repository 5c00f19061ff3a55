using System.Security.Cryptography;
using Postern.Smtp;

namespace Postern.Mta.Configuration;

sealed partial class ConfigurationValidator
{
    /// <summary>RFC 8301 §3.2 wants signers to use so many bits.</summary>
    const int SealKeyBitsMin = 2048;

    /// <summary>Who sent a message is read from its events: they must outlive the queues of others, which
    /// hold mail for five days (RFC 5321 §4.5.4.1).</summary>
    static readonly TimeSpan EventsMin = TimeSpan.FromDays(7);

    void CheckForward()
    {
        var forward = options.Forward;
        if (forward.ReturnDomain is not null)
        {
            if (!Mailbox.TryParse(forward.ReturnPath, out var mailbox) || mailbox.Domain.Length == 0)
                at.Error("forward.return-path",
                    "must be \"keep\" or an address such as \"bounces@example.org\"");
            if (options.Log.Keep < EventsMin)
                at.Error("log.keep", "must be 7d at least with forward.return-path: what comes back finds "
                    + "its sender there");
        }
        CheckSealer(forward);
    }

    void CheckSealer(ForwardOptions forward)
    {
        (string Key, string? Value)[] parts =
        [
            ("forward.arc-domain", forward.ArcDomain), ("forward.arc-selector", forward.ArcSelector),
            ("forward.arc-key", forward.ArcKey?.Reference),
        ];
        if (parts.All(part => part.Value is null))
            return;
        // A key that cannot be read was told already.
        foreach (var (key, value) in parts.Where(part => part.Value is null && !at.Has(part.Key)))
            at.Error(key, "is missing; seals need arc-domain, arc-selector and arc-key");
        if (forward.ArcDomain is { } domain && !HostName.IsValid(domain))
            at.Error("forward.arc-domain", $"\"{domain}\" is no domain; write \"example.org\"");
        if (forward.ArcSelector is { } selector && !HostName.IsValid(selector))
            at.Error("forward.arc-selector", $"\"{selector}\" is no selector; write \"arc1\"");
        if (forward.ArcKey is { } secret && !IsSealKey(secret.Value))
            at.Error("forward.arc-key", $"{secret} holds no PEM private key of RSA with "
                + $"{SealKeyBitsMin} bits or more; run: openssl genrsa -out arc.key {SealKeyBitsMin}");
        if (!options.Inbound.Checks.Contains(MailCheck.Arc))
            at.Error("forward.arc-domain", "seals what was checked; add \"arc\" to inbound.checks");
    }

    static bool IsSealKey(string pem)
    {
        using var key = RSA.Create();
        try
        {
            key.ImportFromPem(pem);
            key.SignHash(new byte[32], HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            return key.KeySize >= SealKeyBitsMin;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return false;
        }
    }
}
