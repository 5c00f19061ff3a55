using System.Buffers.Binary;
using System.Text;

namespace Postern.Tests.Security;

/// <summary>The first octets of a TLS handshake, by hand: no library would send these.</summary>
sealed class ClientHello
{
    /// <summary>The most that the client speaks: 0x0302 is TLS 1.1.</summary>
    public ushort Version { get; init; } = 0x0303;

    /// <summary>ECDHE-ECDSA with AES-GCM, and what came before it.</summary>
    public ushort[] Ciphers { get; init; } = [0xC02B, 0xC02C, 0xC009, 0xC00A];

    /// <summary>Null: no such extension.</summary>
    public string? ServerName { get; init; }

    /// <summary>Records of so many octets at most (RFC 8446 §5.1).</summary>
    public int RecordOctetsMax { get; init; } = 1 << 14;

    public byte[] ToArray()
    {
        var hello = new List<byte>();
        hello.AddRange(Number(Version));
        hello.AddRange(new byte[32]);
        hello.Add(0);
        hello.AddRange(Sized([.. Ciphers.SelectMany(Number)]));
        hello.AddRange([1, 0]);
        // Supported groups: P-256 and X25519; signatures: ECDSA with SHA-256 and SHA-1.
        byte[] extensions = [0, 10, 0, 6, 0, 4, 0, 23, 0, 29, 0, 13, 0, 6, 0, 4, 4, 3, 2, 3];
        if (ServerName is { } name)
        {
            byte[] names = [0, .. Sized(Encoding.Latin1.GetBytes(name))];
            extensions = [.. extensions, 0, 0, .. Sized(Sized(names))];
        }
        hello.AddRange(Sized(extensions));
        byte[] handshake = [1, (byte)(hello.Count >> 16), .. Number((ushort)hello.Count), .. hello];
        return [.. handshake.Chunk(RecordOctetsMax).SelectMany(piece => (byte[])[22, 3, 1, .. Sized(piece)])];
    }

    static byte[] Sized(byte[] octets) => [.. Number((ushort)octets.Length), .. octets];

    static byte[] Number(ushort number)
    {
        var octets = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(octets, number);
        return octets;
    }
}
