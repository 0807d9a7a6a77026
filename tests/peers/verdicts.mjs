// What mailauth says of each case that comes as JSON, with DNS from a table: no network.
import { authenticate } from 'mailauth';

let text = '';
for await (const piece of process.stdin) text += piece;

const answers = [];
for (const one of JSON.parse(text)) {
    const zone = new Map(Object.entries(one.zone));
    const resolver = async (name, kind) => {
        const found = (zone.get(name.toLowerCase().replace(/\.$/, '')) || {})[kind] || [];
        if (!found.length) throw Object.assign(new Error('nothing there'), { code: zone.has(name.toLowerCase()) ? 'ENODATA' : 'ENOTFOUND' });
        if (kind === 'TXT') return found.map(value => [value]);
        if (kind === 'MX') return found.map((exchange, n) => ({ exchange, priority: n }));
        return found;
    };
    const got = await authenticate(Buffer.from(one.raw, 'base64'), {
        ip: one.ip,
        helo: one.helo,
        sender: one.mail_from,
        mta: 'mx.our.example',
        disableBimi: true,
        resolver
    });
    answers.push({
        dkim: got.dkim.results.map(each => [each.signingDomain || '', each.status.result]),
        spf: got.spf ? got.spf.status.result : 'none',
        dmarc: got.dmarc ? got.dmarc.status.result : 'none',
        arc: got.arc ? got.arc.status.result : 'none'
    });
}
process.stdout.write(JSON.stringify(answers));
