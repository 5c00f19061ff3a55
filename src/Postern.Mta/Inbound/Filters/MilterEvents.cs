using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Mta.Inbound.Filters;

/// <summary>A session and a message as steps of the milter protocol.</summary>
/// <remarks>Names of macros are Sendmail's, which milters ask for; what is not known is left out.</remarks>
static class MilterEvents
{
    /// <summary>Characters of a fact: an address has at most 320 (RFC 5321 §4.5.3.1).</summary>
    const int FactMax = 512;

    public static IEnumerable<MilterEvent> EnvelopeOf(FilterQuestion mail)
    {
        var client = mail.Client;
        yield return new MilterEvent(
            MilterCommand.Connect, ConnectionOf(client), MilterSteps.NoConnect, MilterSteps.NoReplyToConnect,
            Macros(("j", mail.Hostname), ("{daemon_name}", client.Listener), ("v", "Postern"),
                ("_", $"{client.Name ?? "unknown"} [{client.Address}]"), ("{client_addr}", client.Address),
                ("{client_name}", client.Name ?? "unknown"), ("{client_ptr}", client.Name ?? "unknown"),
                ("{client_port}", client.Port.ToString(CultureInfo.InvariantCulture))));
        // As in "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384".
        var tls = client.Tls?.Split(' ') ?? [];
        yield return new MilterEvent(
            MilterCommand.Helo, Texts(client.Helo), MilterSteps.NoHelo, MilterSteps.NoReplyToHelo,
            Macros(("{tls_version}", tls.FirstOrDefault()), ("{cipher}", tls.Length > 1 ? tls[^1] : null)));
        var id = ("i", mail.Id.ToString());
        yield return new MilterEvent(
            MilterCommand.Mail, Texts($"<{mail.Sender.Mailbox}>"), MilterSteps.NoMail,
            MilterSteps.NoReplyToMail,
            Macros(id, ("{auth_type}", client.Mechanism), ("{auth_authen}", client.Account),
                ("{mail_addr}", mail.Sender.Mailbox?.ToString()),
                ("{mail_host}", mail.Sender.Mailbox?.Domain)));
        foreach (var recipient in mail.Recipients)
            yield return new MilterEvent(
                MilterCommand.Rcpt, Texts($"<{recipient}>"), MilterSteps.NoRcpt, MilterSteps.NoReplyToRcpt,
                Macros(id, ("{rcpt_addr}", recipient.ToString()), ("{rcpt_host}", recipient.Domain)));
        yield return new MilterEvent(
            MilterCommand.Data, [], MilterSteps.NoData, MilterSteps.NoReplyToData, Macros(id));
    }

    public static IEnumerable<MilterEvent> HeaderOf(
        MilterHeader header, MilterSteps steps, FilterQuestion mail)
    {
        foreach (var field in header.Fields)
            yield return new MilterEvent(
                MilterCommand.Header, DataOf(field, steps), MilterSteps.NoHeader,
                MilterSteps.NoReplyToHeader, "");
        yield return new MilterEvent(
            MilterCommand.EndOfHeader, [], MilterSteps.NoEndOfHeader, MilterSteps.NoReplyToEndOfHeader,
            Macros(("i", mail.Id.ToString())));
    }

    public static MilterEvent BodyOf(byte[] chunk) => new(
        MilterCommand.Body, chunk, MilterSteps.NoBody, MilterSteps.NoReplyToBody, "");

    public static MilterEvent EndOf(FilterQuestion mail) => new(
        MilterCommand.EndOfBody, [], MilterSteps.None, MilterSteps.None, Macros(("i", mail.Id.ToString())));

    /// <summary>Name, family, port, address; without a name the address in brackets is one.</summary>
    static byte[] ConnectionOf(Queue.ClientFacts client)
    {
        var name = client.Name ?? $"[{client.Address}]";
        if (!IPAddress.TryParse(client.Address, out var address))
            return [.. Texts(name), (byte)'U'];
        var family = address.AddressFamily == AddressFamily.InterNetworkV6 ? (byte)'6' : (byte)'4';
        return
        [
            .. Texts(name), family, (byte)(client.Port >> 8 & 0xFF), (byte)(client.Port & 0xFF),
            .. Texts(address.ToString()),
        ];
    }

    /// <summary>Lines of a folded field end with LF alone here, and Sendmail takes the first blank of a value
    /// away. What does not fit a packet is cut.</summary>
    static byte[] DataOf(MilterField field, MilterSteps steps)
    {
        var value = field.Value.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\0', '?');
        if ((steps & MilterSteps.LeadingSpace) == 0 && value.StartsWith(' '))
            value = value[1..];
        var room = Math.Max(0, MilterProtocol.DataOctetsMax - field.Name.Length - 2);
        var text = $"{field.Name}\0{value[..Math.Min(value.Length, room)]}\0";
        return Encoding.Latin1.GetBytes(text);
    }

    static byte[] Texts(string text) => Encoding.UTF8.GetBytes(Clean(text) + '\0');

    static string Macros(params ReadOnlySpan<(string Name, string? Value)> macros)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in macros)
        {
            if (!string.IsNullOrEmpty(value))
                text.Append(name).Append('\0').Append(Clean(value)).Append('\0');
        }
        return text.ToString();
    }

    /// <summary>What a peer said ends no text of ours.</summary>
    static string Clean(string fact) => string.Concat(
        fact.Take(FactMax).Select(character => char.IsControl(character) ? '?' : character));
}

/// <summary>One step of a conversation with a milter.</summary>
/// <param name="Data">What follows the code.</param>
/// <param name="Unwanted">A milter that agreed on this is not told.</param>
/// <param name="Unanswered">A milter that agreed on this does not answer.</param>
/// <param name="Macros">Names and values that belong to it, each with a NUL.</param>
readonly record struct MilterEvent(
    MilterCommand Command, byte[] Data, MilterSteps Unwanted, MilterSteps Unanswered, string Macros);
