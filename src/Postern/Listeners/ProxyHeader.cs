using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;

namespace Postern.Listeners;

/// <summary>What a PROXY protocol v2 header says; null addresses mean LOCAL: the proxy speaks for
/// itself.</summary>
readonly record struct ProxyHeader(IPEndPoint? Remote, IPEndPoint? Local)
{
    /// <summary>Signature, version and command, family, length (the PROXY protocol, §2.2).</summary>
    public const int FixedOctets = 16;

    /// <summary>Octets after the fixed part that are taken. Addresses need 36, the rest are TLVs nobody here
    /// reads.</summary>
    public const int VariableOctetsMax = 2048;

    const byte VersionTwo = 0x20, Local2 = 0x20, Proxy2 = 0x21, Tcp4 = 0x11, Tcp6 = 0x21;

    static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Reads one header from the start; on <see cref="ProxyHeaderState.Whole"/> it is cut from
    /// <paramref name="octets"/>.</summary>
    public static ProxyHeaderState TryRead(ref ReadOnlySequence<byte> octets, out ProxyHeader header)
    {
        header = default;
        Span<byte> buffer = stackalloc byte[FixedOctets];
        var have = (int)Math.Min(octets.Length, FixedOctets);
        octets.Slice(0, have).CopyTo(buffer);
        var seen = buffer[..Math.Min(have, Signature.Length)];
        if (!Signature.StartsWith(seen))
            return ProxyHeaderState.Malformed;
        if (have < FixedOctets)
            return ProxyHeaderState.Partial;
        var command = buffer[12];
        var family = buffer[13];
        var length = BinaryPrimitives.ReadUInt16BigEndian(buffer[14..]);
        if ((command & 0xF0) != VersionTwo || length > VariableOctetsMax)
            return ProxyHeaderState.Malformed;
        if (octets.Length < FixedOctets + length)
            return ProxyHeaderState.Partial;
        if (!TryReadAddresses(octets.Slice(FixedOctets, length), command, family, out header))
            return ProxyHeaderState.Malformed;
        octets = octets.Slice(FixedOctets + length);
        return ProxyHeaderState.Whole;
    }

    static bool TryReadAddresses(
        ReadOnlySequence<byte> variable, byte command, byte family, out ProxyHeader header)
    {
        header = default;
        if (command == Local2)
            return true;
        var addressOctets = family switch { Tcp4 => 4, Tcp6 => 16, _ => 0 };
        // A peer without an address (UNSPEC, UNIX, UDP) cannot be judged: §2.2 lets the receiver refuse it.
        if (command != Proxy2 || addressOctets == 0 || variable.Length < (2 * addressOctets) + 4)
            return false;
        Span<byte> all = stackalloc byte[36];
        all = all[..((2 * addressOctets) + 4)];
        variable.Slice(0, all.Length).CopyTo(all);
        var ports = all[(2 * addressOctets)..];
        header = new ProxyHeader(
            EndPoint(all[..addressOctets], ports), EndPoint(
                all.Slice(addressOctets, addressOctets), ports[2..]));
        return true;
    }

    /// <summary>An IPv4 address that came in IPv6 form is IPv4 again.</summary>
    static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    static IPEndPoint EndPoint(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port) =>
        new(Plain(new IPAddress(address)), BinaryPrimitives.ReadUInt16BigEndian(port));

    /// <summary>Reads the header a connection must begin with. Null: malformed, cut short or too late;
    /// close.</summary>
    public static async ValueTask<ProxyHeader?> ReadAsync(PipeReader input, CancellationToken cancel)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancel);
            var octets = read.Buffer;
            var state = TryRead(ref octets, out var header);
            if (state == ProxyHeaderState.Partial)
                input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            else
                input.AdvanceTo(octets.Start);
            if (state == ProxyHeaderState.Whole)
                return header;
            if (state == ProxyHeaderState.Malformed || read.IsCompleted || read.IsCanceled)
                return null;
        }
    }
}

enum ProxyHeaderState
{
    /// <summary>So far a header, more must come.</summary>
    Partial,
    Whole,
    Malformed,
}
