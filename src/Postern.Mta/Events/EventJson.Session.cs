using System.Buffers;
using System.Text.Json;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

public static partial class EventJson
{
    /// <summary>A fact of a session as one line; <paramref name="more"/> adds members to the object
    /// <c>postern</c>.</summary>
    internal static void WriteSession(IBufferWriter<byte> output, string name, EventLevel level,
        SessionFacts session, DateTimeOffset at, Action<Utf8JsonWriter> more)
    {
        using (var json = new Utf8JsonWriter(output, WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("event"u8, name);
            json.WriteNumber("timestamp"u8, Seconds(at));
            json.WriteString("log-level"u8, EventNames.Of(level));
            json.WriteStartObject("postern"u8);
            more(json);
            WriteSessionClient(json, session);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        output.Write("\n"u8);
    }

    static void WriteSessionClient(Utf8JsonWriter json, SessionFacts session)
    {
        var peer = session.Remote.Address;
        json.WriteStartObject("client"u8);
        json.WriteString("address"u8, (peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer).ToString());
        json.WriteNumber("port"u8, session.Remote.Port);
        WriteText(json, "helo"u8, session.Helo);
        json.WriteString("protocol"u8, session.ProtocolName(smtpUtf8: false));
        WriteText(json, "listener"u8, session.Listener);
        WriteText(json, "account"u8, session.UserName);
        WriteText(json, "mechanism"u8, session.Mechanism);
        WriteText(json, "tls"u8, session.Tls is { } tls ? $"{tls.Protocol} with cipher {tls.Cipher}" : null);
        json.WriteEndObject();
    }
}
