using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Postern.Smtp;

namespace Postern.Mta.Routing;

/// <summary>What the mail of one recipient has in common where its order is kept: the same over restarts and
/// on every node.</summary>
/// <param name="Hash">The first octets of SHA-256 of the address in lower case.</param>
readonly record struct OrderingKey(ulong Hash)
{
    /// <summary>Lanes of one transport: as many recipients are served at once.</summary>
    public const int LanesMax = 64;

    /// <summary>No domain begins so.</summary>
    const string LaneMark = " #";

    public static OrderingKey Of(Mailbox recipient)
    {
        var address = Encoding.UTF8.GetBytes(recipient.ToString().ToLowerInvariant());
        return new OrderingKey(BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(address)));
    }

    /// <summary>One attempt at a time is made in such a lane, and in the order in which mail came.</summary>
    public static bool IsKeptIn(string lane) => lane.Contains(LaneMark, StringComparison.Ordinal);

    public string LaneOf(string transport) =>
        string.Create(CultureInfo.InvariantCulture, $"{transport}{LaneMark}{Hash % LanesMax}");

    /// <summary>16 hexadecimal digits: it tells nobody whose mail it is.</summary>
    public override string ToString() => Hash.ToString("x16", CultureInfo.InvariantCulture);
}
