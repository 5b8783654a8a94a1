// For `node --import`: servers that name no address listen on loopback only.

import {Server} from 'node:net';

const listen = Server.prototype.listen;

Server.prototype.listen = function (where, ...rest) {
  const options = typeof where === 'object' ? where : {port: where};
  return listen.call(this, {...options, host: '127.0.0.1'}, ...rest.filter(one => typeof one === 'function'));
};
