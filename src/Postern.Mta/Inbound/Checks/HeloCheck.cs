using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Configuration;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>What a client says its name is: a host's name at all, ours, or one that leads to it.</summary>
sealed class HeloCheck(IResolver resolver)
{
    /// <summary>Never throws for what the client said.</summary>
    public async ValueTask<HeloVerdict> CheckAsync(HeloQuestion question, CancellationToken cancel)
    {
        if (FindAddress(question) is { } said)
            return said;
        if (!TryReadName(question.Name, out var name))
            return new HeloVerdict(AuthenticationResult.Permerror, "it is no full name of a host");
        var family = question.Client.AddressFamily;
        var found = await resolver.LookupAddressesAsync(name, family, cancel).ConfigureAwait(false);
        if (found.Addresses.Contains(question.Client))
            return new HeloVerdict(AuthenticationResult.Pass, null);
        if (found.Outcome == LookupOutcome.Unknown)
            return Unknown;
        // Another machine of our name would be found there, and we ourselves come from our own address.
        if (name == DomainName.ToALabel(question.HostName) && !question.Client.Equals(question.Local))
            return new HeloVerdict(AuthenticationResult.Fail, "it is our own name");
        if (found.Outcome == LookupOutcome.NoRecords)
            found = await resolver.LookupAddressesAsync(name, OtherThan(family), cancel)
                .ConfigureAwait(false);
        // RFC 5321 §4.1.4: a name that leads elsewhere is no reason to refuse mail.
        return found.Outcome switch
        {
            LookupOutcome.Unknown => Unknown,
            LookupOutcome.Found => new HeloVerdict(AuthenticationResult.Neutral, "it leads to others"),
            _ => new HeloVerdict(AuthenticationResult.None, "it leads nowhere"),
        };
    }

    static HeloVerdict Unknown => new(AuthenticationResult.Temperror, "DNS does not answer");

    static AddressFamily OtherThan(AddressFamily family) =>
        family == AddressFamily.InterNetwork ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;

    /// <summary>What is to be said of an address. Null: it is none.</summary>
    static HeloVerdict? FindAddress(HeloQuestion question)
    {
        var (client, local, name, _) = question;
        var isLiteral = HostName.IsAddressLiteral(name);
        if (!Network.TryParseAddress(isLiteral ? Inside(name) : name, out var said))
            return null;
        // RFC 5321 §4.1.3: the literal of a client is its own address.
        if (isLiteral && said.Equals(client))
            return new HeloVerdict(AuthenticationResult.Pass, null);
        if (said.Equals(local) && !client.Equals(local))
            return new HeloVerdict(AuthenticationResult.Fail, "it is our own address");
        return isLiteral ? new HeloVerdict(AuthenticationResult.Fail, "it is the address of another")
            : new HeloVerdict(AuthenticationResult.Permerror, "it is an address without brackets");
    }

    static string Inside(string literal)
    {
        var inside = literal[1..^1];
        return inside.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase) ? inside[5..] : inside;
    }

    /// <summary>A name with two labels at least, as an A-label in lower case.</summary>
    static bool TryReadName(string said, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (!DomainName.TryRead(Encoding.UTF8.GetBytes(said), out var domain)
            || DomainName.ToALabel(domain) is not { } label || !label.Contains('.', StringComparison.Ordinal)
            || label[0] == '[')
            return false;
        name = label;
        return true;
    }
}

/// <param name="Client">An IPv4 address is no mapped one.</param>
/// <param name="Local">Ours, where it came in; the same.</param>
/// <param name="Name">As the client said it.</param>
/// <param name="HostName">Our own.</param>
sealed record HeloQuestion(IPAddress Client, IPAddress Local, string Name, string HostName);
